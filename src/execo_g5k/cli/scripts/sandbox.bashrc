# the shell of `execo-g5k sandbox shell`
[ -r ~/.bashrc ] && . ~/.bashrc
PS1="(sandbox) $PS1"
