namespace Cilium.VirtualNetwork.Captures;

/// <summary>Bytes that are no capture file, or a broken one.</summary>
/// <param name="offset">Where in the file.</param>
/// <param name="reason">What is wrong.</param>
public sealed class CaptureFormatException(long offset, string reason) : Exception($"at byte {offset} of the capture: {reason}")
{
    /// <summary>Where in the file, in bytes from its beginning.</summary>
    public long Offset { get; } = offset;
}
