# Bash completion for burble(1). Commands and options are asked of the program itself, so that they
# are always those of its version; accounts are those of the file.

_burble()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local i kind name value command words=() commands=() options=() takes=() config=() candidates=
    COMPREPLY=()

    while read -r kind name value command; do
        case $kind in
        command) commands+=("$name${value:+ $value}") ;;
        option)
            options+=("$name ${command:--}")
            [ "$value" = - ] || takes+=("$name")
            ;;
        esac
    done < <(burble help --words 2>/dev/null </dev/null)

    # The words that are no options and no values of options.
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --config)
            config=(--config "${COMP_WORDS[i + 1]}")
            ((++i))
            ;;
        -a) ((++i)) ;;
        --) break ;;
        -*) [[ " ${takes[*]} " != *" ${COMP_WORDS[i]} "* ]] || ((++i)) ;;
        *) words+=("${COMP_WORDS[i]}") ;;
        esac
    done
    [ "${words[0]-}" != help ] || words=("${words[@]:1}")

    case $prev in
    -a | --account)
        candidates=$(_burble_accounts)
        mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$cur")
        return
        ;;
    --tls)
        mapfile -t COMPREPLY < <(compgen -W 'auto starttls direct none' -- "$cur")
        return
        ;;
    --config)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        compopt -o filenames 2>/dev/null
        return
        ;;
    *-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
        return
        ;;
    esac
    [[ " ${takes[*]} " != *" $prev "* ]] || return

    if [[ $cur == -* ]]; then
        for name in "${options[@]}"; do
            command=${name#* }
            if [ "$command" = - ] || [[ "${words[*]} " == "$command "* ]]; then
                candidates+=" ${name%% *}"
            fi
        done
    else
        case ${words[*]} in
        'account show' | 'account default' | 'account remove')
            candidates=$(_burble_accounts)
            ;;
        roster)
            candidates='list add remove subscribe unsubscribe approve deny'
            ;;
        *)
            for name in "${commands[@]}"; do
                if [ ${#words[@]} -eq 0 ]; then
                    candidates+=" ${name%% *}"
                elif [ ${#words[@]} -eq 1 ] && [[ $name == "${words[0]} "* ]]; then
                    candidates+=" ${name#* }"
                fi
            done
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$cur" | sort -u)
    if [ ${#COMPREPLY[@]} -eq 0 ] && [ ${#words[@]} -gt 0 ] && [[ $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
    fi
}

# The names of the accounts: the first column of the list, without its heading.
_burble_accounts()
{
    local line heading=1
    while read -r line _; do
        [ -n "$heading" ] && heading= && continue
        printf '%s\n' "$line"
    done < <(timeout 2 burble "${config[@]}" account list 2>/dev/null </dev/null)
}

# Addresses hold @ and :, which are no ends of words here.
COMP_WORDBREAKS=${COMP_WORDBREAKS//[@:]/}
complete -F _burble burble
