// The phone of one user: what happens is noted in `events`, which the test reads.
import JsSIP from 'jssip';

window.events = [];
const note = (...words) => window.events.push(words.join(' '));

window.register = (user, domain, password, url) => {
  const uri = `sip:${user}@${domain}`;
  const sockets = [new JsSIP.WebSocketInterface(url)];
  const phone = (window.phone = new JsSIP.UA({ sockets, uri, password, session_timers: false }));
  phone.on('registered', () => note('registered'));
  phone.on('registrationFailed', (event) => note('not registered:', event.cause));
  phone.on('disconnected', (event) => note('disconnected:', event.reason ?? ''));
  phone.on('newMessage', ({ originator, request, message }) => {
    if (originator === 'remote') {
      note('page from', request.from.uri.user, request.body);
      message.accept();
    }
  });
  phone.on('newRTCSession', ({ originator, session }) => {
    window.session = session;
    for (const event of ['progress', 'confirmed', 'ended', 'failed']) {
      session.on(event, (data) => note(event, data?.cause ?? ''));
    }
    // Media stays on this machine.
    session.on('sdp', (data) => {
      const elsewhere = (line) => line.startsWith('a=candidate') && !line.includes(' 127.0.0.1 ');
      if (data.originator === 'local') data.sdp = data.sdp.split('\r\n').filter((line) => !elsewhere(line)).join('\r\n');
    });
    if (originator === 'remote') {
      note('call from', session.remote_identity.uri.user);
      session.answer({ mediaConstraints: { audio: true, video: false } });
    }
  });
  phone.start();
};

window.send = (target, text) =>
  new Promise((done) => {
    phone.sendMessage(target, text, {
      eventHandlers: {
        succeeded: (data) => done(data.response.status_code),
        failed: (data) => done(data.cause),
      },
    });
  });

window.call = (target) =>
  phone.call(target, { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } });

// Packets of sound that have arrived.
window.heard = async () => {
  let packets = 0;
  for (const report of (await session.connection.getStats()).values()) {
    if (report.type === 'inbound-rtp') packets += report.packetsReceived;
  }
  return packets;
};
