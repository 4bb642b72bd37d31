using System.Text.Json;

namespace Cilium.Hosts.Cni.Spec;

/// <summary>Error codes of the CNI specification (section "Error").</summary>
internal static class CniErrorCode
{
    public const int IncompatibleVersion = 1;
    public const int UnsupportedField = 2;
    public const int UnknownContainer = 3;
    public const int InvalidEnvironment = 4;
    public const int InputOutput = 5;
    public const int Decoding = 6;
    public const int InvalidConfiguration = 7;
    public const int TryAgainLater = 11;
    public const int NotAvailable = 50;
    public const int AgentRefused = 100;
    public const int Kernel = 101;
    public const int CheckFailed = 102;
}

/// <summary>An error as the runtime is told it: a code of the specification, a sentence, and details.</summary>
internal sealed class CniException(int code, string message, string details = "", Exception? cause = null) : Exception(message, cause)
{
    public int Code { get; } = code;

    public string Details { get; } = details;

    /// <summary>The error as the specification's JSON.</summary>
    public byte[] ToJson(string version)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("cniVersion", version);
            json.WriteNumber("code", Code);
            json.WriteString("msg", Message);
            if (Details.Length > 0)
            {
                json.WriteString("details", Details);
            }

            json.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
