"""The completion scripts; ``@NAME@`` is filled in by :mod:`lsr1_pl.cli.completion`."""

BASH = r"""# bash completion of lsr1: eval "$(lsr1 completion bash)"
_lsr1() {
  local IFS=$' \t\n' current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  local word path='' found='' files='' i
  # "=" is a word of its own here.
  if [[ $current == '=' ]]; then current=''
  elif [[ $before == '=' ]]; then before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${path:+$path }${COMP_WORDS[i]}"
    case $word in @PATHS@) path=$word ;; esac
  done
  COMPREPLY=()
  case $before in
    --config|-c) found='@CONFIGS@' files='!*.yaml' ;;
    @CHECKPOINT_OPTIONS@) found='@CHECKPOINTS@' files='!*.ckpt' ;;
@CHOICES@
    *) case $path in
@WORDS@
      esac
      case $path in @FILES@) [[ $current == -* ]] || return 0 ;; esac ;;
  esac
  IFS=$'\n'
  COMPREPLY=($(compgen -W "${found// /$'\n'}" -- "$current"))
  if [[ -n $files ]]; then
    COMPREPLY+=($(compgen -f -X "$files" -- "$current") $(compgen -d -- "$current"))
    compopt -o filenames 2>/dev/null
  elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *. ]]; then
    compopt -o nospace 2>/dev/null
  fi
  return 0
}
complete -o default -F _lsr1 lsr1
"""

ZSH = r"""#compdef lsr1
# zsh completion of lsr1: eval "$(lsr1 completion zsh)", after compinit
_lsr1() {
  local before=${words[CURRENT-1]} word path_='' found='' files='' i
  if [[ $PREFIX == --*=* ]]; then
    before=${PREFIX%%=*}
    compset -P '*='
  fi
  for ((i = 2; i < CURRENT; i++)); do
    word="${path_:+$path_ }${words[i]}"
    case $word in (@PATHS@) path_=$word ;; esac
  done
  case $before in
    (--config|-c) found='@CONFIGS@' files='*.yaml' ;;
    (@CHECKPOINT_OPTIONS@) found='@CHECKPOINTS@' files='*.ckpt' ;;
@CHOICES@
    (*) case $path_ in
@WORDS@
      esac
      case $path_ in (@FILES@) [[ $PREFIX == -* ]] || { _files; return } ;; esac ;;
  esac
  compadd -- ${(z)found}
  if [[ -n $files ]]; then
    _files -g $files
  fi
}
compdef _lsr1 lsr1
"""

FISH = r"""# fish completion of lsr1: lsr1 completion fish > ~/.config/fish/completions/lsr1.fish
function __lsr1_at
    set -l path
    for word in (commandline -opc)[2..]
        set -l longer (string trim "$path $word")
        if contains -- "$longer" $__lsr1_paths
            set path $longer
        end
    end
    test "$path" = "$argv[1]"
end
set -g __lsr1_paths @PATHS@
complete -c lsr1 -e
@RULES@
"""
