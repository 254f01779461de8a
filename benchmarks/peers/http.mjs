// The plainest server that Node has: `answer(url, body)` gives a body, its type, and a status if not 200.

import { createServer } from 'node:http';

export function serve(port, answer) {
  const server = createServer(async (request, response) => {
    try {
      const parts = [];
      for await (const part of request) parts.push(part);
      const { body, type, status = 200 } = await answer(new URL(request.url, 'http://x'), Buffer.concat(parts));
      response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body);
    } catch (error) {
      console.error(error);
      response.writeHead(500, { 'Content-Length': 0 }).end();
    }
  });
  server.listen(port, '127.0.0.1');
}
