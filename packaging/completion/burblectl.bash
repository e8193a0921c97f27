# Bash completion for burblectl(1). Accounts and sessions are asked of the running server, quietly.

_burblectl_rows()
{
    # The first column of a list, without its heading.
    local line heading=1
    while read -r line _; do
        [ -n "$heading" ] && heading= && continue
        printf '%s\n' "$line"
    done < <(timeout 2 burblectl "${options[@]}" "$@" 2>/dev/null </dev/null)
}

_burblectl()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local i word words=() options=() candidates=
    COMPREPLY=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        -c | --config | --data-dir)
            if ((i + 1 < COMP_CWORD)); then
                options+=("$word" "${COMP_WORDS[i + 1]}")
                ((i++))
            fi
            ;;
        -*) ;;
        *) words+=("$word") ;;
        esac
    done

    case $prev in
    -c | --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
        return
        ;;
    --data-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        compopt -o filenames 2>/dev/null
        return
        ;;
    esac

    case ${words[*]} in
    backup | restore | verify)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
        [[ $cur == -* ]] || return
        ;;
    esac

    if [[ $cur == -* ]]; then
        candidates='-c --data-dir --json --help --version'
        case ${words[*]} in
        'account add'* | 'account passwd'*) candidates+=' --generate' ;;
        'account remove'* | restore*) candidates+=' --yes' ;;
        esac
    else
        [ "${words[0]-}" = help ] && words=("${words[@]:1}") && options=(--data-dir /nonexistent)
        case ${words[*]} in
        '') candidates='account backup check help hooks host limits reload restore session stats stop
            trace verify' ;;
        account) candidates='add disable enable list passwd remove show' ;;
        session) candidates='kick list show' ;;
        host) candidates='list' ;;
        'account disable' | 'account enable' | 'account passwd' | 'account remove' | \
            'account show' | 'session list')
            candidates=$(_burblectl_rows account list)
            ;;
        'account list') candidates=$(_burblectl_rows host list) ;;
        'session kick' | 'session show') candidates=$(_burblectl_rows session list) ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$cur")
}

# Addresses hold @ and :, which are no ends of words here.
COMP_WORDBREAKS=${COMP_WORDBREAKS//[@:]/}
complete -F _burblectl burblectl
