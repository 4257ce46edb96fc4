/** Which codings of an answer its reader takes. */

/** Whether an `accept-encoding` header takes gzip; without one, what is sent is sent as it is. */
export const takesGzip = (header: string | undefined): boolean =>
  (header ?? '').split(',').some((entry) => {
    const [coding = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    return /^(?:x-)?gzip$/.test(coding) && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
