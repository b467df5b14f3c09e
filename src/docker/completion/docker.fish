# Completion of docker's command lines in fish. docker itself says what may come next: it is called as `docker __complete WORDS…` and prints
# a name a line, with what it is behind a tab, and last a colon with a number whose bits say how to go on.

function __docker_ask
    set -l words (commandline --tokenize --cut-at-cursor)
    set -l typed (commandline --current-token --cut-at-cursor)
    set -l said ($words[1] @ASK@ $words[2..-1] "$typed" 2>/dev/null)
    or return 1
    set -g __docker_bits (string replace --filter --regex '^:([0-9]+)$' '$1' -- $said[-1])
    test -n "$__docker_bits"
    or return 1
    set -e said[-1]
    # In --flag=value the answers are values.
    set -l start (string replace --filter --regex '^(-[^=]*=).*$' '$1' -- "$typed")
    set -g __docker_offers
    for offer in $said
        set -a __docker_offers "$start$offer"
    end
    # The status is still that of looking for the equals sign.
    return 0
end

# Whether docker has names to offer, and says that files are none of them.
function __docker_has
    __docker_ask
    or return 1
    test (math "bitand($__docker_bits, 1)") -eq 0
    or return 1
    test (count $__docker_offers) -gt 0 -o (math "bitand($__docker_bits, 4)") -ne 0
end

function __docker_offer
    string join \n -- $__docker_offers
end

complete --command docker --erase
complete --command docker --condition __docker_has --no-files --arguments '(__docker_offer)'
