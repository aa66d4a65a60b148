# Takes a stream, unpacks it, computes its checksum and gives it to the next host of a chain.
# Needs nothing but perl-base, tar and coreutils.
# Orders come on standard input, where nobody else can give any:
#   hello TOKEN SIZE COMMAND   what connexions must say, the bytes of the stream, who unpacks (hex)
#   next HOST PORT TOKEN       give the stream to this host
#   last                       give it to nobody; before one of these, none is taken from others
#   drop                       give it to nobody any more
#   leave                      take it from no connexion any more, data will come instead
#   data BYTES                 this much of the stream follows
# Reports go to standard output: port NUMBER, got OFFSET, lost OFFSET, nonext REASON,
# end CHECKSUM STATUS.
use strict;
use IO::Handle;
use IO::Socket::INET;
use IPC::Open2;

my $ROOM = 1 << 20;
my ($token, $size, $orders, $expected, $offset, $told, $told_at) = ("", undef, "", 0, 0, 0, 0);
my ($listener, $upstream, $left, $placed, $tar, $sha, $sum, @knocking, %sinks);
$SIG{PIPE} = "IGNORE";

sub report {
    my $line = "@_\n";
    while (length $line) {
        my $written = syswrite STDOUT, $line;
        if (defined $written) { substr $line, 0, $written, ""; }
        elsif (!$!{EINTR} && !$!{EAGAIN}) { exit 1; }
    }
}

sub hello {
    ($token, $size, my $command) = @_;
    $listener = IO::Socket::INET->new(Listen => 8, LocalPort => 0) or die "listen: $!\n";
    open $tar, "|-", "/bin/sh", "-c", "exec >&2; " . pack "H*", $command or die "sh: $!\n";
    open2($sum, $sha, "sha256sum");
    $_->blocking(0) for $tar, $sha;
    %sinks = (tar => [$tar, ""], sha => [$sha, ""]);
    report("port", $listener->sockport);
}

sub next_host {
    my ($host, $port, $its_token) = @_;
    $placed = 1;
    my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 10);
    return report("nonext", "can not connect to $host port $port: $@") unless $socket;
    $socket->blocking(0);
    $sinks{next} = [$socket, "$its_token\n"];
}

sub take {
    $offset += length $_[0];
    $_->[1] .= $_[0] for values %sinks;
}

sub lose {
    undef $upstream;
    $left = 1;
    report("lost", $offset);
}

sub obey {
    while (length $orders) {
        if ($expected) {
            my $data = substr $orders, 0, $expected, "";
            $expected -= length $data;
            take($data);
            next;
        }
        last unless $orders =~ s/^([^\n]*)\n//;
        my ($order, @words) = split / /, $1;
        if ($order eq "hello") { hello(@words); }
        elsif ($order eq "next") { next_host(@words); }
        elsif ($order eq "last") { $placed = 1; }
        elsif ($order eq "drop") { delete $sinks{next}; }
        elsif ($order eq "leave") { lose(); }
        elsif ($order eq "data") { $expected = $words[0]; }
        else { die "unknown order $order\n"; }
    }
}

sub drain {
    my ($name) = @_;
    my ($handle, $buffer) = @{$sinks{$name}};
    my $written = syswrite $handle, $buffer, 1 << 16;
    if (defined $written) { substr $sinks{$name}[1], 0, $written, ""; }
    elsif (!$!{EINTR} && !$!{EAGAIN}) {
        my $reason = "$!";
        delete $sinks{$name};
        report("nonext", $reason) if $name eq "next";
    }
}

sub welcome {
    my ($guest) = @_;
    my ($socket, $said) = @$guest;
    my $more = sysread $socket, $guest->[1], length($token) + 1 - length $said, length $said;
    return if !defined $more && ($!{EAGAIN} || $!{EINTR});
    return if $more && length $guest->[1] <= length $token;
    @knocking = grep { $_ != $guest } @knocking;
    if ($guest->[1] eq "$token\n" && !$upstream && !$left) { $upstream = $socket; }
}

sub finish {
    close $sinks{next}[0] if $sinks{next};
    report("got", $offset);
    close $sha;
    my ($checksum) = split / /, <$sum>;
    close $tar;
    report("end", $checksum, $?);
    exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}

while (1) {
    if (defined $size && $offset >= $size && !grep { length $_->[1] } values %sinks) { finish(); }
    my ($readable, $writable) = ("", "");
    my $room = !grep { length $_->[1] >= $ROOM } values %sinks;
    vec($readable, 0, 1) = 1;
    vec($readable, fileno $listener, 1) = 1 if $listener && @knocking < 16;
    vec($readable, fileno $_->[0], 1) = 1 for @knocking;
    my $wants_more = $upstream && $placed && $room && $offset < $size;
    vec($readable, fileno $upstream, 1) = 1 if $wants_more;
    for (values %sinks) { vec($writable, fileno $_->[0], 1) = 1 if length $_->[1]; }
    my $found = select $readable, $writable, undef, 2;
    if (defined $size && ($offset - $told >= 1 << 19 || time - $told_at >= 2)) {
        ($told, $told_at) = ($offset, time);
        report("got", $offset);
    }
    my $now = time;
    @knocking = grep { $now - $_->[2] < 10 } @knocking;
    next if $found <= 0;
    if (vec $readable, 0, 1) {
        my $read = sysread STDIN, $orders, 1 << 16, length $orders;
        # whoever gives orders is gone
        if (defined $read ? !$read : !$!{EINTR}) { exit 1; }
        obey();
    }
    for (grep { vec $readable, fileno $_->[0], 1 } @knocking) { welcome($_); }
    if ($listener && vec $readable, fileno $listener, 1) {
        my $socket = $listener->accept;
        if ($socket) {
            $socket->blocking(0);
            push @knocking, [$socket, "", $now];
        }
    }
    if ($wants_more && $upstream && vec $readable, fileno $upstream, 1) {
        my $wanted = $size - $offset < 1 << 16 ? $size - $offset : 1 << 16;
        my $read = sysread $upstream, my $data, $wanted;
        if ($read) { take($data); }
        elsif (defined $read || !($!{EAGAIN} || $!{EINTR})) { lose() if $offset < $size; }
    }
    for (keys %sinks) { drain($_) if vec $writable, fileno $sinks{$_}[0], 1; }
}
