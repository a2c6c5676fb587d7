// Browsers start no Worker for pages that are opened from files, where the site's search needs one:
// here an invisible frame runs the worker's script instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.appendChild(this.frame);
      window.addEventListener("message", (event) => {
        if (event.source !== this.frame.contentWindow) return;
        this.dispatchEvent(new MessageEvent("message", { data: event.data }));
        if (this.onmessage) this.onmessage(event);
      });
      const inside = this.frame.contentWindow.document;
      inside.open();
      inside.write(
        "<body><script>" +
          "postMessage = (data) => parent.postMessage(data, '*');" +
          "importScripts = (...urls) => urls.reduce((before, url) => before.then(() =>" +
          " new Promise((done) => { const script = document.createElement('script');" +
          " script.src = url; script.onload = done; document.body.appendChild(script); }))," +
          " Promise.resolve());" +
          "<\/script><script src='" + url + "'><\/script></body>",
      );
      inside.close();
    }
    postMessage(data) {
      const send = () => {
        this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      };
      if (this.frame.contentWindow.document.readyState === "complete") send();
      else this.frame.contentWindow.addEventListener("load", send);
    }
    terminate() {
      this.frame.remove();
    }
  };
}
