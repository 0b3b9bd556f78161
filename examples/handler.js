#!/usr/bin/node
// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The pipemilter authors
//
// A handler in JavaScript, for Node.js: refuses mail from spam.example and adds a
// header to the rest.
//
//	pipemilter -l inet:8899@127.0.0.1 -e mail,end-of-message \
//	    -o 'actions = {add-header}' ./handler.js

'use strict';

// Undoes the escapes of a value; each of its characters is a byte.
function unescape(value) {
	const plain = { '\\': '\\', n: '\n', r: '\r' };
	return value.replace(/\\(\\|n|r|0[0-7]{3})/g,
	    (_, what) => plain[what] ?? String.fromCharCode(parseInt(what, 8)));
}

function answer(event, known) {
	const domain = '.' + (known.get('sender-domain') ?? '');
	if (event === 'mail' && domain.endsWith('.spam.example'))
		return 'reject 550 5.7.1 No mail from there\n';
	if (event === 'end-of-message')
		return 'add-header X-Seen-By handler.js\ncontinue\n';
	return 'continue\n';
}

let kind = '', event = '', known = new Map();

function take(line) {
	const at = line.indexOf(' ');
	const key = at < 0 ? line : line.slice(0, at);
	const value = at < 0 ? '' : line.slice(at + 1);

	if (key === '') {			// the block is complete
		if (kind === 'event')
			process.stdout.write(answer(event, known), 'latin1');
	} else if (key === 'event' || key === 'report')
		[kind, event] = [key, value];
	else if (key === 'complete')		// all that was known is void
		known = new Map();
	else
		known.set(key, unescape(value));
}

let rest = '';
process.stdin.setEncoding('latin1');
process.stdin.on('data', (text) => {
	const lines = (rest + text).split('\n');
	rest = lines.pop();
	lines.forEach(take);
});
