"""An application of microCoAPy: polling.py LIBRARY STATE LEVEL.

LIBRARY is the folder that `import microcoapy` finds it in. Each line on the input is a request,
`GET HOST PORT PATH` or `PUT HOST PORT PATH TEXT`. It prints what its callback gets, `= 2.05 21.5`,
with its message ID where that is not the one that was sent.
"""

import sys

sys.path.insert(0, sys.argv[1])
import microcoapy

from leafcoapy import PatSocket

TEXT = microcoapy.COAP_CONTENT_FORMAT.COAP_TEXT_PLAIN
# Polls of 2 s each: more than CoAP's retransmissions take.
POLLS = 60
sent = [0]


def answered(packet, sender):
    code = "%d.%02d" % (packet.method >> 5, packet.method & 31)
    payload = bytes(packet.payload or b"")
    try:
        text = payload.decode()
    except UnicodeError:
        text = payload.hex()
    stray = [] if packet.messageid == sent[0] else [packet.messageid]
    print("=", code, text, *stray)


coap = microcoapy.Coap()
coap.debug = False
# Versions before 2024 spell it in the second way.
coap.responseCallback = coap.resposeCallback = answered
coap.setCustomSocket(PatSocket(sys.argv[2], sys.argv[3]))
print("listening")
for line in sys.stdin:
    method, host, port, path, *text = line.split()
    if method == "GET":
        sent[0] = coap.get(host, int(port), path)
    else:
        sent[0] = coap.put(host, int(port), path, " ".join(text), None, TEXT)
    if not any(coap.poll(2000, 50) for _ in range(POLLS)):
        print("= nothing")
coap.stop()
print("stopped")
