using System.Globalization;
using Cilium.Simulation.Explaining;
using Cilium.VirtualNetwork.Captures;

namespace Cilium.Hosts.Dbg.Explain;

/// <summary>Takes a frame out of a capture file.</summary>
internal static class CaptureFrame
{
    /// <summary>Reads <c>FILE</c> for its first frame, or <c>FILE:N</c> for its Nth.</summary>
    /// <exception cref="QuestionException">The file has no such frame, or it begins with no Ethernet header.</exception>
    /// <exception cref="CaptureFormatException">The file is no capture.</exception>
    public static ReadOnlyMemory<byte> Read(string text)
    {
        var colon = text.LastIndexOf(':');
        var hasNumber = int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && colon > 0 && !File.Exists(text);
        var path = hasNumber ? text[..colon] : text;
        using var stream = File.OpenRead(path);
        var wanted = hasNumber ? number : 1;
        var seen = 0;
        foreach (var frame in CaptureReader.Open(stream).ReadAll())
        {
            if (++seen == wanted)
            {
                return frame.LinkType == CapturedFrame.Ethernet ? frame.Bytes : throw new QuestionException($"frame {wanted} of {path} begins with no Ethernet header");
            }
        }

        throw new QuestionException($"{path} has {seen} frames, but no frame {wanted}");
    }
}
