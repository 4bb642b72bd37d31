
namespace Cilium.Hubble.Printing;

/// <summary>Terminal colors of the words in a flow; without color the words as they are.</summary>
internal sealed class TerminalColors(bool isOn)
{
    public string Host(string text) => Paint("\e[36m", text);

    public string Identity(string text) => Paint("\e[35m", text);

    public string Verdict(Proto.Verdict verdict, string text) => verdict switch
    {
        Proto.Verdict.Forwarded or Proto.Verdict.Redirected => Paint("\e[32m", text),
        Proto.Verdict.Dropped or Proto.Verdict.Error => Paint("\e[31m", text),
        Proto.Verdict.Audit or Proto.Verdict.Traced or Proto.Verdict.Translated => Paint("\e[33m", text),
        _ => text,
    };

    private string Paint(string escape, string text) => isOn && text.Length != 0 ? $"{escape}{text}\e[0m" : text;
}
