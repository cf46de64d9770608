"""Completion in bash, zsh and fish, with values that hold ``=``, spaces and commas.

Bash takes ``=`` and ``:`` for ends of words; bash and zsh set a space behind a field that waits for
its value unless they are told not to.
"""

from __future__ import annotations

import os

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ZshComplete,
    add_completion_class,
)
from click.shell_completion import split_arg_string as split

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' type value current="${COMP_WORDS[COMP_CWORD]}"
    [[ $current == [=:] ]] && current=""
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ $value == *= ]] && compopt -o nospace
                [[ $current == [\\"\\']* ]] || printf -v value '%%q' "$value"
                COMPREPLY+=("${value//\\\\=/=}")
                ;;
        esac
    done < <(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_CURRENT="$current" \\
        %(complete_var)s=bash_complete "$1")
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a response explained whole begun
    local type value help
    (( $+commands[%(prog_name)s] )) || return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete %(prog_name)s)}")
    for type value help in $response; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                if [[ $help != _ ]]; then
                    explained+=("$value:$help")
                elif [[ $value == *= ]]; then
                    begun+=("$value")
                else
                    whole+=("$value")
                fi
                ;;
        esac
    done
    (( ! $#explained )) || _describe -V unsorted explained -U
    (( ! $#whole )) || compadd -U -V unsorted -a whole
    (( ! $#begun )) || compadd -U -V begun -S '' -a begun
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""
_FISH = """\
function %(complete_func)s
    for line in (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \\
            COMP_CWORD=(commandline -t) %(prog_name)s)
        set -l told (string split -m 1 "," -- $line)
        switch $told[1]
            case dir
                __fish_complete_directories $told[2]
            case file
                __fish_complete_path $told[2]
            case plain
                echo $told[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class Bash(BashComplete):
    """What bash asks, and how it is answered."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor as a shell reads them, and the one at it."""
        line = os.environ["COMP_LINE"]
        words = split(line)[1:]
        # A space may be inside quotes that are still open: then it begins no word.
        goes_on = len(split(f"{line}x")) == len(split(line))
        return (words[:-1], words[-1]) if words and goes_on else (words, "")

    def format_completion(self, item: CompletionItem) -> str:
        """Return a value without what bash takes for a word of its own and leaves as it is."""
        _, typed = self.get_completion_args()
        current = os.environ.get("COMP_CURRENT", "")
        kept = typed.removesuffix(current) if not current.startswith(("'", '"')) else ""
        return f"{item.type},{item.value.removeprefix(kept)}"


class Zsh(ZshComplete):
    """What zsh asks, and how it is answered."""

    source_template = _ZSH


class Fish(FishComplete):
    """What fish asks, and how it is answered."""

    source_template = _FISH


for _shell in (Bash, Zsh, Fish):
    add_completion_class(_shell)
