# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# load.py: the messages, and runs of milter-send.

import json
import os
import subprocess
import time

from lib import procs
from lib.servers import Error

RUN_LIMIT = 300			# seconds for one run, whatever it is of
MOST = 400000			# messages a run


def write_messages(directory):
    """20 headers and a body of 10 KB or 200 KB."""
    headers = ['Received: from client.example.org (client.example.org [192.0.2.1])\n'
               '\tby mx.example.net (Postfix) with ESMTPS id 4F2A51B0\n'
               '\tfor <recipient@example.net>; Thu, 1 Jan 2026 00:00:00 +0000',
               'Date: Thu, 1 Jan 2026 00:00:00 +0000',
               'From: A Sender <sender@example.org>',
               'To: recipient@example.net, other@example.net',
               'Subject: A message of middle size with an ordinary subject',
               'Message-ID: <20260101000000.4F2A51B0@client.example.org>',
               'MIME-Version: 1.0',
               'Content-Type: text/plain; charset=utf-8']
    headers += [f'X-Header-{n}: a value of about fifty bytes, as many have {n}'
                for n in range(20 - len(headers))]
    line = 'Seventy characters of text and a line end, as mail has them. 1234567\n'
    for name, size in (('small', 10), ('large', 200)):
        body = line * (size * 1024 // (len(line) + 1))
        with open(os.path.join(directory, name), 'w', encoding='ascii') as f:
            f.write('\n'.join(headers) + '\n\n' + body)


class Load:
    def __init__(self, place):
        self.place = place
        write_messages(place.directory)

    def send(self, server, count, connections, per_connection):
        """What milter-send measured of so many messages."""
        command = [self.place.milter_send, '-s', server.address, '-n', str(count),
                   '-j', str(connections), '-M', str(per_connection), '--json',
                   '-r', 'recipient@example.net', '-r', 'other@example.net',
                   os.path.join(self.place.directory, server.candidate.message)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=RUN_LIMIT)
        except subprocess.TimeoutExpired:
            raise Error(f'{count} messages took more than {RUN_LIMIT} seconds') from None
        if done.returncode != 0:
            raise Error(done.stderr.strip() or f'milter-send ended with {done.returncode}: '
                        + done.stdout.strip())
        result = json.loads(done.stdout)
        if result['delivered'] != count:
            raise Error(f"only {result['delivered']} of {count} messages were delivered")
        return result

    def measure(self, server, seconds, cell, rate, count=None):
        """
        One run that takes about so long if rate messages a second is right; with
        no rate, a short one first. Messages a second, and CPU time a message.
        """
        connections, per_connection = cell
        least = connections * per_connection
        if rate is None and count is None:
            rate = self.send(server, max(least, 20), *cell)['messages_per_second']
        count = count or min(MOST, max(least, round(rate * seconds)))
        pids = server.pids()
        before = procs.cpu_seconds(pids)
        result = self.send(server, count, *cell)
        after = procs.cpu_seconds(server.pids())
        return {'rate': result['messages_per_second'], 'messages': count,
                'cpu_us': max(0, after - before) * 1e6 / count,
                'p50_ms': result['latency_ms']['p50'],
                'p99_ms': result['latency_ms']['p99']}


def spawn_rate(place, count):
    """Scripts a second, each with a block of a message to read."""
    block = os.path.join(place.directory, 'block')
    with open(block, 'w', encoding='ascii') as f:
        f.write('event end-of-message\nsession 5f3a9c01.12\nmessage 5f3a9c01.12.1\n'
                'complete\n\n')
    done = subprocess.run([os.path.join(place.directory, 'spawnrate'), str(count), block,
                           '/bin/dash', os.path.join(place.directory, 'pool.sh'),
                           'X-Bench', 'seen'],
                          capture_output=True, text=True, check=False, timeout=RUN_LIMIT)
    if done.returncode != 0:
        raise Error('spawnrate: ' + done.stderr.strip())
    return float(done.stdout)


def settle():
    """Lets what the last run left come to an end."""
    time.sleep(0.1)
