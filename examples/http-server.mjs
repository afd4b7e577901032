// Streams stories over HTTP. The handler takes Node's own request and response, so it is an Express handler too:
//
//     app.get('/story', streamStory(model));
//
//     node examples/http-server.mjs [MODEL]        PORT=8080, 0 for any that is free
//     curl -N 'http://localhost:8080/story?prompt=Once%20upon%20a%20time'
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { loadModel } from 'flashrow';

/** Requests queue: one model answers one at a time. Who hangs up is not generated for any longer. */
export function streamStory(model) {
  return async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const generation = model.generate(url.searchParams.get('prompt') ?? 'Once upon a time', {
        maxTokens: Number(url.searchParams.get('tokens') ?? 100),
        signal: gone.signal,
      });
      // Sent with the first piece: until then a prompt that does not fit can still be answered with what is wrong.
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      for await (const { type, text } of generation) {
        if (type !== 'text') continue;
        // A slow reader slows the loop, not the engine: what is generated meanwhile waits in memory.
        if (!response.write(text) && !gone.signal.aborted)
          await new Promise((go) => response.once('drain', go).once('close', go));
      }
      response.end();
      console.error(`answered with ${(await generation.result).usage.completion} tokens`);
    } catch (error) {
      if (gone.signal.aborted) {
        console.error('the reader left');
      } else if (response.headersSent) {
        response.destroy(error);
      } else {
        // A FlashrowError's message is fit to be shown: it says what was wrong and what to do.
        response.writeHead(error.code === 'BAD_USAGE' || error.code === 'CONTEXT_OVERFLOW' ? 400 : 500);
        response.end(`${error.message}\n`);
      }
    }
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const model = await loadModel(process.argv[2] ?? 'weights/tales', { memory: '16MB', contextSize: 512 });
  const server = createServer(streamStory(model));
  server.listen(process.env.PORT ?? 8080, () => console.error(`listening on port ${server.address().port}`));
  process.once('SIGTERM', async () => {
    server.close();
    server.closeAllConnections();
    await model.dispose();
  });
}
