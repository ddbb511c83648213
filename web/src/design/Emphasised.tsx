/** A sentence of the messages, in which **these** words are strong. */
export function Emphasised({ text }: { text: string }) {
  return (
    <>
      {text.split("**").map((part, index) => (index % 2 === 1 ? <strong key={index}>{part}</strong> : part))}
    </>
  );
}
