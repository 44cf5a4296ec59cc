"""The client's role: matching, separate responses, retransmission, giving up."""

import unittest

from leafkey.coap.endpoint import (
    BUSY,
    REJECTED,
    RESET,
    TIMEOUT,
    FailureEvent,
    RequestEvent,
    ResponseEvent,
)
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    ACK,
    CON,
    CONTENT,
    EMPTY,
    GET,
    IF_MATCH,
    MAX_AGE,
    NON,
    OBSERVE,
    RST,
)
from leafkey.coap.parameters import MAX_REQUESTS, MAX_TRANSMIT_WAIT, MAX_WAITING
from tests.unit.coap.helpers import OTHER, PEER, Bench, content, empty, get, heads


class MatchingTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.handle, sent = self.bench.request()
        self.request = sent[0]

    def assert_response(self):
        event = self.bench.event()
        self.assertTrue(isinstance(event, ResponseEvent))
        self.assertIs(event.handle, self.handle)
        self.assertEqual((event.message.payload, event.remote), (b"ok", PEER))
        self.assertEqual(self.bench.run_to_silence(), [])
        self.assertEqual(self.bench.events(), [])
        self.assertEqual(self.bench.endpoint.usage()["requests"], 0)

    def assert_still_waiting(self):
        self.assertEqual(self.bench.events(), [])
        self.assertEqual(self.bench.endpoint.usage()["in_flight"], 1)

    def test_piggybacked(self):
        self.assertEqual(len(self.request.token), 8)
        self.assertEqual(self.bench.receive(content(self.request.token, self.request.mid)), [])
        self.assert_response()

    def test_separate(self):
        self.assertEqual(self.bench.receive(empty(ACK, self.request.mid)), [])
        self.assertEqual(self.bench.wait(60000), [])
        sent = self.bench.receive(content(self.request.token, 77, CON))
        self.assertEqual(heads(sent), [(ACK, EMPTY, 77, b"")])
        self.assert_response()

    def test_separate_and_not_confirmable(self):
        self.bench.receive(empty(ACK, self.request.mid))
        self.assertEqual(self.bench.receive(content(self.request.token, 77, NON)), [])
        self.assert_response()

    def test_a_response_that_overtakes_the_acknowledgement(self):
        sent = self.bench.receive(content(self.request.token, 77, CON))
        self.assertEqual(heads(sent), [(ACK, EMPTY, 77, b"")])
        self.assertEqual(self.bench.receive(empty(ACK, self.request.mid)), [])
        self.assert_response()

    def test_a_response_whose_acknowledgement_was_lost_is_acknowledged_again(self):
        response = content(self.request.token, 77, CON)
        for _ in range(3):
            self.assertEqual(heads(self.bench.receive(response)), [(ACK, EMPTY, 77, b"")])
        self.assert_response()

    def test_a_late_piggybacked_response_is_taken_after_an_empty_acknowledgement(self):
        self.bench.receive(empty(ACK, self.request.mid))
        self.bench.receive(content(self.request.token, self.request.mid))
        self.assert_response()

    def test_another_message_id_token_or_remote_does_not_match(self):
        token, mid = self.request.token, self.request.mid
        self.assertEqual(self.bench.receive(content(token, mid ^ 1)), [])
        self.assertEqual(self.bench.receive(content(token[:7], mid)), [])
        self.assertEqual(self.bench.receive(content(token, mid), OTHER), [])
        self.assertEqual(self.bench.receive(empty(ACK, mid), OTHER), [])
        self.assertEqual(self.bench.receive(empty(RST, mid), OTHER), [])
        self.assertEqual(self.bench.receive(content(token, mid, RST)), [])
        self.assert_still_waiting()
        for wrong, remote in ((b"other", PEER), (token, OTHER)):
            sent = self.bench.receive(content(wrong, 78, CON), remote)
            self.assertEqual(heads(sent), [(RST, EMPTY, 78, b"")])
        self.assert_still_waiting()

    def test_an_unasked_response_is_ignored_and_a_notification_is_reset(self):
        self.assertEqual(self.bench.receive(content(b"none", 5, NON)), [])
        sent = self.bench.receive(content(b"none", 6, NON, ((OBSERVE, b"\1"),)))
        self.assertEqual(heads(sent), [(RST, EMPTY, 6, b"")])

    def test_a_reset_fails_the_request(self):
        self.assertEqual(self.bench.receive(empty(RST, self.request.mid)), [])
        self.assertEqual(self.bench.events(), [FailureEvent(self.handle, RESET)])
        self.assertEqual(self.bench.run_to_silence(), [])

    def test_an_unknown_critical_option_rejects_the_response(self):
        response = content(self.request.token, 77, CON, ((IF_MATCH, b"x"),))
        self.assertEqual(heads(self.bench.receive(response)), [(RST, EMPTY, 77, b"")])
        self.assertEqual(self.bench.events(), [FailureEvent(self.handle, REJECTED)])
        self.assertEqual(self.bench.run_to_silence(), [])

    def test_an_unknown_critical_option_in_an_acknowledgement(self):
        response = content(self.request.token, self.request.mid, ACK, ((IF_MATCH, b"x"),))
        self.assertEqual(self.bench.receive(response), [])
        self.assertEqual(self.bench.events(), [FailureEvent(self.handle, REJECTED)])

    def test_an_unfit_elective_option_is_ignored(self):
        options = ((MAX_AGE, bytes(9)),)
        self.bench.receive(content(self.request.token, self.request.mid, ACK, options))
        self.assertIsNone(self.bench.event().message.option(MAX_AGE))

    def test_cancel(self):
        self.bench.endpoint.cancel(self.handle)
        self.bench.endpoint.cancel(self.handle)
        self.assertEqual(self.bench.run_to_silence(), [])
        self.assertEqual(self.bench.receive(content(self.request.token, self.request.mid)), [])
        self.assertEqual(self.bench.events(), [])


class RetransmissionTest(unittest.TestCase):
    def test_the_back_off_of_the_rfc(self):
        for seed in range(20):
            bench = Bench(seed)
            handle, _ = bench.request()
            start = bench.now
            times = [time - start for time, _ in bench.run_to_silence()]
            self.assertEqual(len(times), 4)
            self.assertTrue(2000 <= times[0] <= 3000)
            self.assertEqual(times, [times[0] * factor for factor in (1, 3, 7, 15)])
            self.assertEqual(bench.now - start, times[0] * 31)
            self.assertEqual(bench.events(), [FailureEvent(handle, TIMEOUT)])

    def test_every_copy_is_the_same(self):
        bench = Bench()
        _, sent = bench.request()
        again = [message for _, message in bench.run_to_silence()]
        self.assertEqual(heads(again), heads(sent * 4))

    def test_an_acknowledged_request_waits_so_long_and_no_longer(self):
        bench = Bench()
        handle, sent = bench.request()
        bench.receive(empty(ACK, sent[0].mid))
        self.assertEqual(bench.endpoint.next_timeout(bench.now), MAX_TRANSMIT_WAIT)
        self.assertEqual(bench.run_to_silence(), [])
        self.assertEqual(bench.events(), [FailureEvent(handle, TIMEOUT)])

    def test_a_non_request_is_sent_once(self):
        bench = Bench()
        handle, sent = bench.request(NON)
        self.assertEqual(sent[0].type, NON)
        start = bench.now
        self.assertEqual(bench.run_to_silence(), [])
        self.assertEqual(bench.now - start, MAX_TRANSMIT_WAIT)
        self.assertEqual(bench.events(), [FailureEvent(handle, TIMEOUT)])

    def test_a_late_timer_loses_nothing(self):
        bench = Bench()
        handle, _ = bench.request()
        sent = bench.wait(1000000)
        self.assertEqual(len(sent), 1)
        self.assertEqual(len(bench.run_to_silence()), 3)
        self.assertEqual(bench.events(), [FailureEvent(handle, TIMEOUT)])


class NstartTest(unittest.TestCase):
    def test_one_at_a_time_to_a_remote(self):
        bench = Bench()
        first, sent = bench.request()
        second, more = bench.request()
        _, other = bench.request(remote=OTHER)
        self.assertEqual((len(sent), len(more), len(other)), (1, 0, 1))
        follows = bench.receive(content(sent[0].token, sent[0].mid))
        self.assertEqual(len(follows), 1)
        bench.receive(content(follows[0].token, follows[0].mid))
        self.assertEqual([event.handle for event in bench.events()], [first, second])

    def test_one_at_a_time_from_whatever_port(self):
        bench = Bench()
        _, sent = bench.request(remote=PEER + (1,))
        second, waiting = bench.request(remote=PEER + (2,))
        self.assertEqual((len(sent), waiting), (1, []))
        self.assertEqual(len(bench.request(remote=OTHER + (3,))[1]), 1)
        answer = content(sent[0].token, sent[0].mid)
        self.assertEqual(bench.receive(answer, PEER + (2,)), [])
        follows = bench.receive(answer, PEER + (1,))
        self.assertEqual([message.token for message in follows], [second.token])

    def test_an_empty_acknowledgement_lets_the_next_one_go(self):
        bench = Bench()
        _, sent = bench.request()
        bench.request()
        self.assertEqual(len(bench.receive(empty(ACK, sent[0].mid))), 1)

    def test_the_next_one_goes_after_a_failure_or_a_cancellation(self):
        bench = Bench()
        bench.request()
        for _ in range(3):
            bench.request()
        times = bench.run_to_silence()
        self.assertEqual(len(times), 4 + 5 + 5 + 5)
        self.assertEqual(len(bench.events()), 4)
        first, _ = bench.request()
        waiting = [bench.request()[0] for _ in range(3)]
        bench.endpoint.cancel(waiting[1])
        bench.endpoint.cancel(first)
        bench.endpoint.cancel(waiting[0])
        self.assertEqual(bench.endpoint.next_timeout(bench.now), 0)
        self.assertEqual(len(bench.sent()), 1)
        self.assertEqual(bench.endpoint.usage()["waiting"], 0)

    def test_the_queue_is_bounded(self):
        bench = Bench()
        handles = [bench.request()[0] for _ in range(MAX_WAITING + 2)]
        self.assertEqual(bench.events(), [FailureEvent(handles[-1], BUSY)])
        for handle in handles:
            bench.endpoint.cancel(handle)
        usage = bench.endpoint.usage()
        self.assertEqual((usage["waiting"], usage["in_flight"], usage["requests"]), (0, 0, 0))
        self.assertIsNone(bench.endpoint.next_timeout(bench.now))

    def test_requests_are_bounded(self):
        bench = Bench()
        handles = [bench.request(NON)[0] for _ in range(MAX_REQUESTS + 1)]
        self.assertEqual(bench.events(), [FailureEvent(handles[-1], BUSY)])

    def test_a_separate_response_does_not_wait_for_our_own_request(self):
        bench = Bench()
        bench.request()
        bench.receive(get(5))
        event = bench.event()
        self.assertTrue(isinstance(event, RequestEvent))
        bench.wait(1000)
        self.assertEqual(bench.respond(event.handle)[0].type, CON)


class PrivacyTest(unittest.TestCase):
    def test_message_ids_and_tokens_do_not_repeat_or_count(self):
        bench = Bench()
        mids, tokens = [], []
        for _ in range(100):
            handle, sent = bench.request(NON)
            mids.append(sent[0].mid)
            tokens.append(sent[0].token)
            bench.endpoint.cancel(handle)
        self.assertEqual(len(set(mids)), 100)
        self.assertEqual(len(set(tokens)), 100)
        steps = {(mids[i + 1] - mids[i]) & 0xFFFF for i in range(99)}
        self.assertTrue(len(steps) > 90)

    def test_the_message_of_the_application_is_not_changed(self):
        bench = Bench()
        message = Message(GET, type=CON)
        handle = bench.endpoint.request(message, PEER, bench.now)
        self.assertEqual((message.mid, message.token), (None, b""))
        self.assertEqual(len(handle.token), 8)

    def test_responses_of_errors_end_the_request(self):
        bench = Bench()
        _, sent = bench.request(options=((OBSERVE, b""),))
        bench.receive(Message(0x84, (), b"", ACK, sent[0].mid, sent[0].token))
        self.assertEqual(bench.event().message.code, 0x84)
        self.assertEqual(bench.endpoint.usage()["requests"], 0)
        self.assertNotEqual(bench.request()[1][0].code, CONTENT)


if __name__ == "__main__":
    unittest.main()
