# Runs a command on a host, in the login shell, for a TakTuk that carries lines.
# No line of it may hold a single quote: it is an argument in shell text, on a single line.
# Arguments: 1 to give it what is read here and tell how much, else 0; the command in hexadecimal.
# Prints lines: o and output, e and errors, a and bytes read, x and the status of its end.
use strict;
my ($pump, $hex) = @ARGV;
my $father = getppid;
my ($pending, $got, $told, $eof, $status, $last_looks) = ("", 0, 0, !$pump, undef, 64);
delete $ENV{PERL_BADLANG};

sub report {
    my ($kind, $data) = @_;
    $data =~ s/\x01/\x01a/g;
    $data =~ s/\n/\x01b/g;
    my $line = "$kind$data\n";
    while (length $line) {
        my $written = syswrite STDOUT, $line;
        if (defined $written) { substr $line, 0, $written, ""; }
        elsif (!$!{EINTR}) { hang_up(); exit 1; }
    }
}

sub hang_up { kill HUP => getpgrp == $$ ? -$$ : $main::child; }

pipe my $in, my $to_in or die "pipe: $!";
pipe my $out, my $to_out or die "pipe: $!";
pipe my $err, my $to_err or die "pipe: $!";
$main::child = fork;
die "fork: $!" unless defined $main::child;
unless ($main::child) {
    open STDIN, "<&", $in if $pump;
    open STDOUT, ">&", $to_out;
    open STDERR, ">&", $to_err;
    my $shell = (getpwuid $<)[8] || "/bin/sh";
    exec {$shell} $shell, "-c", pack "H*", $hex;
    print STDERR "$shell: $!\n";
    exit 127;
}
# after the fork: the command is not to ignore them
$SIG{$_} = "IGNORE" for qw(HUP INT QUIT PIPE ALRM TERM USR1 USR2);
$SIG{CHLD} = sub { };
close $_ for $in, $to_out, $to_err;
close $to_in unless $pump;
open STDIN, "<", "/dev/null" unless $pump;
$to_in->blocking(0) if $pump;
my %outputs = (fileno $out => ["o", $out], fileno $err => ["e", $err]);

while (1) {
    if (!defined $status && waitpid($main::child, 1) == $main::child) { $status = $?; }
    my ($readable, $writable) = ("", "");
    vec($readable, $_, 1) = 1 for keys %outputs;
    vec($readable, 0, 1) = 1 if !$eof && length $pending < 1 << 20;
    vec($writable, fileno $to_in, 1) = 1 if length $pending;
    # a signal may come just before: look again every second
    my $found = select $readable, $writable, undef, defined $status ? 0 : 1;
    if (getppid != $father) { hang_up(); exit 1; }
    last if defined $status && ($found <= 0 || !%outputs || !$last_looks--);
    next if $found <= 0;
    for my $fd (grep { vec $readable, $_, 1 } keys %outputs) {
        my ($kind, $from) = @{$outputs{$fd}};
        my $size = sysread $from, my $data, 1 << 16;
        if ($size) { report($kind, $data); }
        elsif (defined $size || !$!{EINTR}) { delete $outputs{$fd}; }
    }
    if (!$eof && vec $readable, 0, 1) {
        my $size = sysread STDIN, my $data, 1 << 16;
        $eof = 1 if defined $size && !$size;
        if ($size) { $pending .= $data; }
    }
    if (length $pending && vec $writable, fileno $to_in, 1) {
        my $size = syswrite $to_in, $pending;
        if (defined $size) { substr $pending, 0, $size, ""; $got += $size; }
        elsif (!$!{EINTR} && !$!{EAGAIN}) { $got += length $pending; $pending = ""; }
        if ($got - $told >= 1 << 18) { $told = $got; report("a", $got); }
    }
    if ($pump && $eof && !length $pending) { close $to_in; report("a", $got); $pump = 0; }
}
report("x", $status);
