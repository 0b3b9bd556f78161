# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The shipped handlers with the sections of configuration in their comments.
#
# shellcheck shell=bash

# Puts them where the handlers' user can read them. $STATE stands for
# /var/lib/pipemilter, as their comments have it made, $ETC for /etc/pipemilter.
shipped_setup() {
	STATE=$OUT/state
	ETC=$WORK/etc
	export STATE ETC
	mkdir "$WORK/libraries" "$ETC" "$OUT/mail"
	mkdir -m 0700 "$STATE"
	chmod 755 "$WORK/libraries" "$ETC"
	if [ -n "$HANDLER_USER" ]; then
		chown "$HANDLER_USER" "$STATE" "$OUT/mail"
	fi
	cp -p "$TOP_DIR"/libraries/*.py "$WORK/libraries"
	cp -p "$TOP_DIR"/handlers/* "$HANDLERS"
}

# shipped NAME [VARIABLE=VALUE ...]: the section, with this test's paths, and
# these variables instead of those that are shown, or in addition.
shipped() {
	# shellcheck disable=SC2016
	perl -e '
		my ($file, $name, $handlers, $state, $etc, $mail, @set) = @ARGV;
		open(my $in, "<", $file) or die "$file: $!\n";
		my ($text) = join("", <$in>) =~ /^(#\thandler \Q$name\E \{\n.*?^#\t\}\n)/ms
		    or die "$file: no section of configuration\n";
		$text =~ s/^#\t//mg;
		$text =~ s{/usr/local/libexec/pipemilter/}{$handlers/}g;
		$text =~ s{/var/lib/pipemilter/}{$state/}g;
		$text =~ s{/etc/pipemilter/}{$etc/}g;
		$text =~ s{/var/mail/}{$mail/}g;
		$text =~ s/^\}/\tenvironment = {}\n}/m
		    if @set && $text !~ /^\tenvironment/m;
		for my $set (@set) {
			my ($variable) = split /=/, $set;
			$text =~ s/\x27\Q$variable\E=[^\x27]*\x27/\x27$set\x27/ or
			    $text =~ s/(\tenvironment *= *\{)(.)/"$1\x27$set\x27" .
				($2 eq "}" ? "" : ", ") . $2/se;
		}
		print $text;
	' "$TOP_DIR/handlers/$1" "$1" "$HANDLERS" "$STATE" "$ETC" "$OUT/mail" "${@:2}"
}
