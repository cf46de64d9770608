"""Completion in bash, which takes ``=`` and ``:`` for ends of words, and spaces as they come."""

from __future__ import annotations

import os

from click.shell_completion import BashComplete, CompletionItem, add_completion_class
from click.shell_completion import split_arg_string as split

_SCRIPT = """\
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


class Bash(BashComplete):
    """What bash asks, and how it is answered."""

    source_template = _SCRIPT

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


add_completion_class(Bash)
