import type { SHELLS } from './completions.js';

/** The hidden command that the scripts ask. Its first line is `files`, `folders` or `none`, the others are words. */
export const ASK = '__complete';

/** What a shell reads in to complete the words of `flashrow`. */
export const COMPLETION_SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `# Completion of flashrow for bash: source <(flashrow completion bash)
_flashrow() {
  local words=() word line count current head
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    count=\${#words[@]}
    # Bash takes names apart at : and =.
    if ((count > 0)) && [[ $word == [:=]* || \${words[count - 1]} == *[:=] ]]; then
      words[count - 1]+=$word
    else
      words+=("$word")
    fi
  done
  current=\${words[\${#words[@]} - 1]}
  head=\${current%"\${current##*[:=]}"}
  COMPREPLY=()
  local kind=
  while IFS= read -r line; do
    if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("\${line#"$head"}"); fi
  done < <("\${COMP_WORDS[0]}" ${ASK} -- "\${words[@]}" 2>/dev/null)
  if [[ $kind == files || $kind == folders ]]; then
    local which=-f
    [[ $kind == folders ]] && which=-d
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen $which -- "\${current#"$head"}")
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _flashrow flashrow
`,
  zsh: `#compdef flashrow
# Completion of flashrow for zsh: source <(flashrow completion zsh), after compinit
_flashrow() {
  local -a lines
  lines=("\${(@f)$(\${words[1]} ${ASK} -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  (( \${#lines} > 1 )) && compadd -- "\${(@)lines[2,-1]}"
  case \${lines[1]} in
    files) _files ;;
    folders) _files -/ ;;
  esac
}
(( \${+functions[compdef]} )) && compdef _flashrow flashrow
`,
  fish: `# Completion of flashrow for fish: flashrow completion fish | source
function __flashrow_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] ${ASK} -- $words[2..-1] 2>/dev/null)
    string join \\n -- $lines[2..-1]
    switch "$lines[1]"
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
    end
end
complete -c flashrow -f -a '(__flashrow_complete)'
`,
};
