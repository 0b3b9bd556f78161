#!/usr/bin/python3 -ESWerror
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""What loops/loop.sh does, with pipemilter.py; headers X-Echo come back."""
import os
import pipemilter

answered = 0


def count(m):
    global answered
    answered += not m.report
    print("stray output at", m.event)


def on_connect(m):
    count(m)
    m.set_context("host", m.client_host)


def on_mail(m):
    count(m)
    m.set_message_context("from", m.sender)


def on_rcpt(m):
    count(m)
    if m.recipient.endswith("@refused.example>"):
        m.reject(550, "5.1.1", "Not here")


def on_header(m):
    count(m)
    if m.header_name == "X-Echo":
        m.add_header(m.header_name, m.header_value)


def on_end_of_message(m):
    count(m)
    m.add_header("X-Known", "helo=%s sender=%s recipients=%d:%s i=%s from=%s host=%s" % (
        m.helo, m.sender, len(m.recipients), ",".join(m.recipients),
        m.macros.get("i", ""), m.context.get("from", ""),
        m.context.get("host", "")))
    m.add_header("X-Process", "%d %d" % (os.getpid(), answered))


on_helo = on_end_of_headers = on_body = count

pipemilter.main()
