// Browsers refuse workers to pages that are opened from disk. The search then works in a hidden
// frame instead, which has a global scope of its own, too.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      const started = new Promise((done) => {
        document.addEventListener("DOMContentLoaded", () => document.body.append(frame));
        if (document.body) document.body.append(frame);
        const begin = () => {
          const scope = frame.contentWindow;
          scope.postMessage = (data) => {
            const event = new MessageEvent("message", { data });
            this.dispatchEvent(event);
            if (this.onmessage) this.onmessage(event);
          };
          const script = scope.document.createElement("script");
          script.src = new URL(url, location.href);
          script.onload = () => done(scope);
          scope.document.body.append(script);
        };
        frame.addEventListener("load", begin, { once: true });
        frame.srcdoc = "<body></body>";
      });
      this.postMessage = (data) =>
        started.then((scope) =>
          scope.dispatchEvent(new scope.MessageEvent("message", { data })));
      this.terminate = () => frame.remove();
    }
  };
}
