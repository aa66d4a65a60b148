# the shell of `execo-g5k sandbox shell`
[ -r ~/.bashrc ] && . ~/.bashrc
PS1="($SANDBOX_PLACE) $PS1"
