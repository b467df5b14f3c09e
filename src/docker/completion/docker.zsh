#compdef docker
# Completion of docker's command lines in zsh. docker itself says what may come next: it is called as `docker __complete WORDS…` and prints
# a name a line, with what it is behind a tab, and last a colon with a number whose bits say how to go on.

_docker() {
    local said bits typed name line
    local -a offers more
    said=$(${(Q)words[1]} @ASK@ "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    bits=${said##*:}
    [[ $bits == <-> ]] || return 1
    (( bits & 1 )) && return 1
    if (( bits & 16 )); then
        _path_files -/
        return
    fi
    typed=${words[CURRENT]}
    if [[ $typed == -*=* ]]; then
        compset -P '*='
    fi
    for line in ${(f)said%:*}; do
        name=${line%%$'\t'*}
        # A colon parts a name from what it is.
        if [[ $line == *$'\t'* ]]; then
            offers+=("${name//:/\\:}:${line#*$'\t'}")
        else
            offers+=("${name//:/\\:}")
        fi
    done
    (( bits & 2 )) && more+=(-S '')
    (( bits & 32 )) && more+=(-V)
    if (( $#offers )) && _describe -t docker docker offers $more; then
        return 0
    fi
    (( bits & 4 )) && return 1
    _files
}

# Sourced, it has to say what it is for; as a file in fpath, it is called.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _docker "$@"
else
    compdef _docker docker
fi
