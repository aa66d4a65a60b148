# the shell of `execo-g5k sandbox shell --laptop`
[ -r ~/.bashrc ] && . ~/.bashrc
PS1="(laptop) $PS1"
