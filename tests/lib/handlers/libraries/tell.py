#!/usr/bin/python3 -ESWerror
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""Says all that it knows, at each event.  tell.sh and tell.pl do the same."""
import pipemilter


def tell(m):
    for name in ("event", "session", "message", "client_host",
                 "client_address", "client_family", "client_port", "helo",
                 "sender", "sender_domain", "recipient", "recipient_domain",
                 "recipient_count", "queue_id", "header_name", "header_value",
                 "command", "size"):
        value = getattr(m, name)
        if value not in ("", None):
            m.log("%s=%s" % (name, value))
    if m.size is not None:
        for name in ("message_file", "headers_file", "body_file"):
            m.log("%s=%s" % (name, getattr(m, name)))
    for recipient in m.recipients:
        m.log("each %s" % recipient)
    for name in ("sender_arguments", "recipient_arguments"):
        if getattr(m, name):
            m.log("%s=%s" % (name, " ".join(getattr(m, name))))
    for name in ("i", "auth_authen", "odd-macro"):
        if name in m.macros:
            m.log("macro %s=%s" % (name, m.macros[name]))
    for name in ("a", "a-b", "a_b", "a-b_c", "a_b-c"):
        if name in m.context:
            m.log("context %s=%s" % (name, m.context[name]))
    m.add_header("X-A", m.helo)
    if m.helo == "spam":
        m.reject("550 5.7.1 No\n" + m.helo)


on_connect = on_helo = on_mail = on_rcpt = on_data = on_header = tell
on_end_of_headers = on_body = on_end_of_message = on_unknown = tell

pipemilter.main()
