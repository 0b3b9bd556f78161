#!/usr/bin/tclsh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler in Tcl: refuses mail from spam.example and adds a header to the rest.
#
#	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
#	    -o 'actions = {add-header}' ./handler.tcl

fconfigure stdin -translation binary
fconfigure stdout -translation binary

# Undoes the escapes of a value.
proc unescape {value} {
	set out {}
	while {[regexp -indices {\\(\\|n|r|0[0-7]{3})} $value at]} {
		lassign $at first last
		append out [string range $value 0 $first-1]
		switch -- [string index $value $first+1] {
		n { append out \n }
		r { append out \r }
		0 { append out [format %c [scan [string range $value $first+2 $last] %o]] }
		default { append out \\ }
		}
		set value [string range $value $last+1 end]
	}
	return $out$value
}

proc answer {event domain} {
	if {$event eq "mail" && [string match *.spam.example .$domain]} {
		return "reject 550 5.7.1 No mail from there\n"
	}
	if {$event eq "end-of-message"} {
		return "add-header X-Seen-By handler.tcl\ncontinue\n"
	}
	return "continue\n"
}

set kind {}
set domain {}
while {[gets stdin line] >= 0} {
	set value {}
	regexp {^([^ ]*) ?(.*)$} $line all key value
	switch -- $key {
	{} {				# the block is complete
		if {$kind eq "event"} {
			puts -nonewline [answer $event $domain]
			flush stdout	;# each reply must go out at once
		}
	}
	event -
	report { set kind $key; set event $value }
	complete { set domain {} }
	sender-domain { set domain [unescape $value] }
	}
}
