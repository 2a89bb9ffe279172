"""A mail server for tests, based on aiosmtpd. It reports events as lines of JSON on standard output:

    {"event": "listening", "port": 2525}
    {"event": "received", "text": "EHLO …"}   bytes from the client, after decryption
    {"event": "login", "user": "todos", "mechanism": "PLAIN", "accepted": true}
    {"event": "mail", "from": "…", "to": ["…"], "tls": true, "user": null, "accepted": true,
     "type": "multipart/alternative", "defects": [], "headers": [["Subject", "…"], …],
     "receivers": [["Ann", "ann@example.com"]], "parts": [["text/plain", "…"], …]}

Python's email package parses the mails, independently of the library that wrote them. Its legacy API decodes the headers, because the new
one (in 3.11) leaves spaces between encoded words (RFC 2047 section 6.2).
"""

import argparse
import asyncio
import email
import email.header
import email.policy
import email.utils
import json
import logging
import re
import ssl
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def report(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


class RecordingSMTP(SMTP):
    """A connection whose input is reported."""

    def data_received(self, data):
        report("received", text=data.decode("latin-1"))
        super().data_received(data)


def decoded(value):
    return str(email.header.make_header(email.header.decode_header(value)))


class Handler:
    """Accepts mails, except the first `count` and those to a refused recipient."""

    def __init__(self, options):
        self.refused = options.refuse
        self.first = options.first
        self.remaining_faults = options.count

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in self.refused:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        faulty = self.remaining_faults > 0
        self.remaining_faults -= faulty
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        headers = [(name, re.sub(r"\r?\n(?=[ \t])", "", value)) for name, value in message.raw_items()]
        boxes = email.utils.getaddresses([value for name, value in headers if name.lower() == "to"])
        report(
            "mail",
            **{"from": envelope.mail_from},
            to=envelope.rcpt_tos,
            tls=server.transport.get_extra_info("sslcontext") is not None,
            user=session.auth_data and session.auth_data.login.decode(),
            accepted=not faulty,
            type=message.get_content_type(),
            defects=[str(defect) for part in message.walk() for defect in part.defects],
            headers=[[name, decoded(value)] for name, value in headers],
            receivers=[[decoded(name), address] for name, address in boxes],
            parts=[[part.get_content_type(), part.get_content()] for part in message.iter_parts()],
        )
        return await self.faulty_answer(server, message) if faulty else "250 OK"

    async def faulty_answer(self, server, message):
        match self.first:
            case "later":
                return "451 4.3.2 come again later"
            case "quote":
                link = re.search(r"https?://\S+", message.get_body(("plain",)).get_content())
                return f"554 5.7.1 not with this link: {link and link[0]}"
            case "hang-up":
                server.transport.abort()
            case "silence":
                await asyncio.sleep(3600)
        return "421 gone"


def authenticator(known):
    def check(server, session, envelope, mechanism, data):
        valid = isinstance(data, LoginPassword) and data == LoginPassword(*known)
        user = data.login.decode() if isinstance(data, LoginPassword) else None
        report("login", user=user, mechanism=mechanism, accepted=valid)
        # Leave the response to aiosmtpd: it answers 535.
        return AuthResult(success=valid, handled=False, auth_data=data if valid else None)

    return check


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 selects a free port")
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--certificate", help="a PEM file of the certificate chain and its key")
    parser.add_argument("--login", help="USER:PASSWORD, required before a mail is accepted")
    parser.add_argument("--mechanism", action="append", choices=["PLAIN", "LOGIN"], default=[])
    parser.add_argument("--refuse", action="append", default=[], help="a recipient to refuse with 550")
    parser.add_argument("--first", choices=["later", "quote", "hang-up", "silence"], help="the response to the first mails")
    parser.add_argument("--count", type=int, default=0, help="the number of these mails")
    return parser.parse_args()


async def serve(options):
    context = None
    if options.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    handler = Handler(options)
    login = options.login and tuple(part.encode() for part in options.login.split(":"))
    starttls = options.tls == "starttls"

    def connection():
        return RecordingSMTP(
            handler,
            hostname="mail.test",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticator(login) if login else None,
            auth_required=bool(login),
            # An attacker who strips TLS would accept a password in clear.
            auth_require_tls=starttls,
            auth_exclude_mechanism={"PLAIN", "LOGIN"}.difference(options.mechanism) if options.mechanism else (),
        )

    implicit = context if options.tls == "implicit" else None
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", options.port, ssl=implicit)
    report("listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


# The tests provoke failed connections; the todo server's log reports them.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")
asyncio.run(serve(arguments()))
