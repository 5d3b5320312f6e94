
# Bash gives `--option=value` as three words, and a list as one: neither is what the function above expects.
_fused_mlp_words() {
    local cur="$2" prev="$3" list
    if [[ "${COMP_WORDS[COMP_CWORD]}" == "=" ]]; then
        cur=""
        prev="${COMP_WORDS[COMP_CWORD-1]}"
    elif [[ "$prev" == "=" ]]; then
        prev="${COMP_WORDS[COMP_CWORD-2]}"
    fi
    # Where `=` does not break words, they come as one.
    local option=""
    if [[ "$cur" == --*=* ]]; then
        option="${cur%%=*}="
        prev="${cur%%=*}"
        cur="${cur#*=}"
        local COMP_CWORD=$((COMP_CWORD + 2))
    fi
    _fused__mlp "$1" "$cur" "$prev"
    if [[ ${#COMPREPLY[@]} -eq 0 && "$cur" == *,* ]]; then
        list="${cur%,*},"
        _fused__mlp "$1" "${cur##*,}" "$prev"
        COMPREPLY=("${COMPREPLY[@]/#/$list}")
    fi
    if [[ -n "$option" && ${#COMPREPLY[@]} -gt 0 ]]; then
        COMPREPLY=("${COMPREPLY[@]/#/$option}")
    fi
}
complete -o bashdefault -o default -F _fused_mlp_words fused-mlp
