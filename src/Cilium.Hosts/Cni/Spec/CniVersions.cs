using System.Text.Json;

namespace Cilium.Hosts.Cni.Spec;

/// <summary>The versions of the specification that are spoken, and which commands each has.</summary>
internal static class CniVersions
{
    public const string Newest = "1.1.0";

    public static readonly string[] Supported = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", Newest];

    /// <summary>Throws unless the version is spoken and has the command.</summary>
    public static void Require(string version, string command)
    {
        var index = Array.IndexOf(Supported, version);
        if (index < 0)
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion,
                $"incompatible CNI version '{version}'",
                $"supported are {string.Join(", ", Supported)}");
        }

        var needed = command switch
        {
            "CHECK" => "0.4.0",
            "STATUS" or "GC" => "1.1.0",
            _ => "0.3.0",
        };
        if (index < Array.IndexOf(Supported, needed))
        {
            throw new CniException(CniErrorCode.IncompatibleVersion, $"config version {version} does not allow {command}", $"{command} needs {needed}");
        }
    }

    /// <summary>The answer to VERSION.</summary>
    public static byte[] Answer(string requested)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("cniVersion", Array.IndexOf(Supported, requested) >= 0 ? requested : Newest);
            json.WriteStartArray("supportedVersions");
            foreach (var version in Supported)
            {
                json.WriteStringValue(version);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
