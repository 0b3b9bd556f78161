#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# The filter of the benchmark with pymilter: pymilter.py SOCKET all|header

import sys

import Milter


class All(Milter.Base):
    def connect(self, host, family, address):
        return Milter.CONTINUE

    def hello(self, name):
        return Milter.CONTINUE

    def envfrom(self, sender, *args):
        return Milter.CONTINUE

    def envrcpt(self, recipient, *args):
        return Milter.CONTINUE

    def data(self):
        return Milter.CONTINUE

    def header(self, name, value):
        return Milter.CONTINUE

    def eoh(self):
        return Milter.CONTINUE

    def body(self, piece):
        return Milter.CONTINUE

    def eom(self):
        return Milter.CONTINUE


# Base asks for what is not overridden to be left out.
class Header(Milter.Base):
    def eom(self):
        self.addheader('X-Bench', 'seen')
        return Milter.CONTINUE


Milter.factory = {'all': All, 'header': Header}[sys.argv[2]]
Milter.set_flags(Milter.ADDHDRS)
Milter.runmilter('bench', sys.argv[1])
