#!/bin/sh
# static.sh AR NM OBJCOPY IN.a OUT.a: libburble as a static library. What is not of its public face
# gets "burble_in_" in front of its name, so that it never meets a name of the program.
set -eu
ar=$1 nm=$2 objcopy=$3 in=$4 out=$5
trap 'rm -f "$out.whole" "$out.names"' EXIT
rm -f "$out.whole"
# Meson's archives are thin: objcopy wants one that holds its objects.
printf 'create %s\naddlib %s\nsave\nend\n' "$out.whole" "$in" | "$ar" -M
"$nm" --defined-only --extern-only --no-sort --format=posix "$out.whole" |
    awk 'NF >= 2 && $2 ~ /^[A-Za-z]$/ && $1 !~ /^burble_/ { print $1, "burble_in_" $1 }' |
    sort -u >"$out.names"
"$objcopy" --redefine-syms="$out.names" "$out.whole" "$out"
