# Completion of docker's command lines in bash. docker itself says what may come next: it is called as `docker __complete WORDS…` and prints
# a name a line, with what it is behind a tab, and last a colon with a number whose bits say how to go on.

_docker_next() {
    local line=${COMP_LINE:0:COMP_POINT} words said bits typed name offer start marks
    local -a offers=()
    COMPREPLY=()
    # Bash has parted the words at colons and signs that belong to names, too.
    read -ra words <<<"$line"
    [[ $line == *[[:blank:]] ]] && words+=("")
    said=$("${words[0]/#\~/$HOME}" @ASK@ "${words[@]:1}" 2>/dev/null) || return 0
    bits=${said##*:}
    [[ $bits == +([0-9]) ]] || return 0
    ((bits & 1)) && return 0
    typed=${words[${#words[@]} - 1]}
    [[ $typed == -*=* ]] && typed=${typed#*=}
    if ((bits & 16)); then
        mapfile -t COMPREPLY < <(compgen -d -- "$typed")
        compopt -o filenames 2>/dev/null
        return 0
    fi
    ((bits & 2)) && compopt -o nospace 2>/dev/null
    ((bits & 4)) && compopt +o default 2>/dev/null
    ((bits & 32)) && compopt -o nosort 2>/dev/null
    # What has been typed up to the last such sign is no part of the word that bash replaces.
    start="" marks=""
    [[ $COMP_WORDBREAKS == *:* ]] && marks=:
    [[ $COMP_WORDBREAKS == *=* ]] && marks+==
    [[ -n $marks && $typed == *["$marks"]* ]] && start=${typed%"${typed##*["$marks"]}"}
    while IFS= read -r offer; do
        [[ -n $offer && ${offer%%$'\t'*} == "$typed"* ]] && offers+=("$offer")
    done <<<"${said%:*}"
    for offer in "${offers[@]}"; do
        name=${offer%%$'\t'*}
        name=${name#"$start"}
        if ((${#offers[@]} == 1)); then
            printf -v name %q "$name"
        elif [[ $offer == *$'\t'* ]]; then
            # Several are only listed, and then it helps to know what they are.
            name="$name  (${offer#*$'\t'})"
            ((COLUMNS > 8 && ${#name} > COLUMNS - 4)) && name="${name:0:COLUMNS - 5}…"
        fi
        COMPREPLY+=("$name")
    done
}

complete -o default -F _docker_next docker
