/** Several sockets read as one. */

const GONE = 1001;
/** Codes that tell of an end without a close frame, and may not be sent. */
const UNSENDABLE: readonly number[] = [1005, 1006, 1015];

/** Passes on what any of them says; when one end closes, all are closed. The answer is yet to be accepted. */
export function joinSockets(sockets: readonly WebSocket[]): WebSocket {
  const [only, ...others] = sockets;
  if (only !== undefined && others.length === 0) return only;
  const { 0: near, 1: far } = new WebSocketPair();
  const closeAll = ({ code, reason }: { code: number; reason: string }) => {
    for (const socket of [far, ...sockets]) closeQuietly(socket, code, reason);
  };
  far.accept();
  far.addEventListener('close', closeAll);
  for (const socket of sockets) {
    socket.addEventListener('message', ({ data }) => pass(data, far));
    socket.addEventListener('close', closeAll);
    socket.addEventListener('error', () => closeAll({ code: GONE, reason: 'a socket failed' }));
    socket.accept();
  }
  return near;
}

function pass(data: string | ArrayBuffer, far: WebSocket): void {
  try {
    far.send(data);
  } catch {
    // Its reader has left; the close of the others is on its way.
  }
}

function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(UNSENDABLE.includes(code) ? GONE : code, reason);
  } catch {
    // Already closed: that is what was wanted.
  }
}
