namespace Cilium.Bpf;

/// <summary>Takes records out of a ring buffer.</summary>
public interface IRingBufferSink
{
    /// <summary>Takes one record; the bytes are valid during the call only.</summary>
    void OnRecord(ReadOnlySpan<byte> record);
}
