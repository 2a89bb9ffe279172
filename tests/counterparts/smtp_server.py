"""A mail server for tests: aiosmtpd, which tells what it hears and takes as lines of JSON on its standard output.

    {"event": "listening", "port": 2525}
    {"event": "heard", "text": "EHLO …"}      what came in, after any decryption
    {"event": "login", "user": "todos", "mechanism": "PLAIN", "accepted": true}
    {"event": "mail", "from": "…", "to": ["…"], "tls": true, "user": null, "accepted": true,
     "type": "multipart/alternative", "defects": [], "headers": [["Subject", "…"], …],
     "receivers": [["Ann", "ann@example.com"]], "parts": [["text/plain", "…"], …]}

A mail is parsed by Python's own email package: another reader than the one that wrote it. Headers are decoded by its older half, as the
newer one (in 3.11) leaves blanks between encoded words (RFC 2047 section 6.2).
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


def tell(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


class Conversation(SMTP):
    """One connection, which is overheard."""

    def data_received(self, data):
        tell("heard", text=data.decode("latin-1"))
        super().data_received(data)


def decoded(value):
    return str(email.header.make_header(email.header.decode_header(value)))


class PostOffice:
    """Takes mails, but for the first so many, and none to a refused recipient."""

    def __init__(self, options):
        self.refused = options.refuse
        self.first = options.first
        self.odd_ones = options.count

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in self.refused:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        odd = self.odd_ones > 0
        self.odd_ones -= odd
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        headers = [(name, re.sub(r"\r?\n(?=[ \t])", "", value)) for name, value in message.raw_items()]
        boxes = email.utils.getaddresses([value for name, value in headers if name.lower() == "to"])
        tell(
            "mail",
            **{"from": envelope.mail_from},
            to=envelope.rcpt_tos,
            tls=server.transport.get_extra_info("sslcontext") is not None,
            user=session.auth_data and session.auth_data.login.decode(),
            accepted=not odd,
            type=message.get_content_type(),
            defects=[str(defect) for part in message.walk() for defect in part.defects],
            headers=[[name, decoded(value)] for name, value in headers],
            receivers=[[decoded(name), address] for name, address in boxes],
            parts=[[part.get_content_type(), part.get_content()] for part in message.iter_parts()],
        )
        return await self.odd_answer(server, message) if odd else "250 OK"

    async def odd_answer(self, server, message):
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
        right = isinstance(data, LoginPassword) and data == LoginPassword(*known)
        user = data.login.decode() if isinstance(data, LoginPassword) else None
        tell("login", user=user, mechanism=mechanism, accepted=right)
        # Not handled: aiosmtpd answers 535 in its own words.
        return AuthResult(success=right, handled=False, auth_data=data if right else None)

    return check


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--certificate", help="a PEM file of the certificate chain and its key")
    parser.add_argument("--login", help="USER:PASSWORD, without which no mail is taken")
    parser.add_argument("--mechanism", action="append", choices=["PLAIN", "LOGIN"], default=[])
    parser.add_argument("--refuse", action="append", default=[], help="a recipient that is refused with 550")
    parser.add_argument("--first", choices=["later", "quote", "hang-up", "silence"], help="what the first mails get")
    parser.add_argument("--count", type=int, default=0, help="how many these are")
    return parser.parse_args()


async def serve(options):
    context = None
    if options.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    office = PostOffice(options)
    login = options.login and tuple(part.encode() for part in options.login.split(":"))
    starttls = options.tls == "starttls"

    def conversation():
        return Conversation(
            office,
            hostname="mail.test",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticator(login) if login else None,
            auth_required=bool(login),
            # Who strips TLS from a conversation is glad of a password in clear.
            auth_require_tls=starttls,
            auth_exclude_mechanism={"PLAIN", "LOGIN"}.difference(options.mechanism) if options.mechanism else (),
        )

    implicit = context if options.tls == "implicit" else None
    server = await asyncio.get_running_loop().create_server(conversation, "127.0.0.1", options.port, ssl=implicit)
    tell("listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


# What goes wrong with a conversation is what the test wanted, and stands in the other side's log.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")
asyncio.run(serve(arguments()))
