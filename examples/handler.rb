#!/usr/bin/ruby
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# A handler in Ruby: refuses mail from spam.example and adds a header to the rest.
#
#	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
#	    -o 'actions = {add-header}' ./handler.rb

$stdin.binmode
$stdout.binmode
$stdout.sync = true # each reply must go out at once

PLAIN = { '\\' => '\\', 'n' => "\n", 'r' => "\r" }.freeze

# Undoes the escapes of a value; all values are bytes.
def unescape(value)
  value.gsub(/\\(\\|n|r|0[0-7]{3})/n) { PLAIN[$1] || $1.oct.chr }
end

def answer(event, known)
  if event == 'mail' && ".#{known['sender-domain']}".end_with?('.spam.example')
    return "reject 550 5.7.1 No mail from there\n"
  end

  header = event == 'end-of-message' ? "add-header X-Seen-By handler.rb\n" : ''
  "#{header}continue\n"
end

kind = event = ''
known = {}
while (line = $stdin.gets)
  key, value = line.chomp("\n").split(/ /, 2)
  case key
  when nil # the block is complete
    $stdout.write(answer(event, known)) if kind == 'event'
  when 'event', 'report'
    kind = key
    event = value
  when 'complete' # all that was known is void
    known = {}
  else
    known[key] = unescape(value || '')
  end
end
