import { useEffect, useState } from "preact/hooks";

/** An address for a blob, as long as it is shown; null before it is there. */
export function useObjectUrl(blob: Blob | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl(null);
    };
  }, [blob]);
  return url;
}

interface PictureProps {
  blob: Blob | null;
  alt: string;
}

/** A photograph that lies in memory. */
export function Picture({ blob, alt }: PictureProps) {
  const url = useObjectUrl(blob);
  if (!url) return null;
  return <img src={url} alt={alt} decoding="async" loading="lazy" />;
}
