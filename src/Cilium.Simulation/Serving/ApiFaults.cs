using System.Collections.Concurrent;

namespace Cilium.Simulation.Serving;

/// <summary>What becomes of a write.</summary>
internal enum ApiFault : byte
{
    None,

    /// <summary>409: somebody else was faster. Creations and deletions are never told so in vain.</summary>
    Conflict,

    /// <summary>429: nothing was done.</summary>
    TooManyRequests,

    /// <summary>500: nothing was done.</summary>
    Refused,

    /// <summary>500: it was done all the same.</summary>
    AnswerLost,
}

/// <summary>Decides by a seed which writes an API server refuses and which watches it breaks off. Thread-safe.</summary>
/// <remarks>The n-th write of a client to an object always ends the same, however clients come to run beside each other.</remarks>
/// <param name="seed">The seed.</param>
internal sealed class ApiFaults(int seed)
{
    private const uint WriteFailsOneIn = 8;
    private const uint MostEvents = 60;
    private readonly ConcurrentDictionary<(string Client, string What, string About), int> _times = [];
    private volatile bool _isOn = true;
    private int _failedWrites;
    private int _brokenWatches;

    /// <summary>Off, the server behaves.</summary>
    public bool IsOn
    {
        get => _isOn;
        set => _isOn = value;
    }

    /// <summary>Writes that failed.</summary>
    public int FailedWrites => _failedWrites;

    /// <summary>Watches that were broken off.</summary>
    public int BrokenWatches => _brokenWatches;

    /// <summary>A watch was broken off.</summary>
    public void Broke() => Interlocked.Increment(ref _brokenWatches);

    /// <summary>What becomes of a write.</summary>
    public ApiFault OfWrite(string client, ApiTarget target)
    {
        if (!IsOn)
            return ApiFault.None;
        var number = Number(client, $"{target.Verb} {target.Resource}", target.Name);
        if (number % WriteFailsOneIn != 0)
            return ApiFault.None;
        Interlocked.Increment(ref _failedWrites);
        return (number / WriteFailsOneIn % 4) switch
        {
            0 => target.Verb.StartsWith("update", StringComparison.Ordinal) || target.Verb.StartsWith("patch", StringComparison.Ordinal) ? ApiFault.Conflict : ApiFault.TooManyRequests,
            1 => ApiFault.TooManyRequests,
            2 => ApiFault.Refused,
            _ => ApiFault.AnswerLost,
        };
    }

    /// <summary>After how many events a watch is broken off, and whether the client is told that the version is gone (410) or just cut off.</summary>
    public (int Events, bool IsExpired) OfWatch(string client, string resource)
    {
        var number = Number(client, "watch", resource);
        return ((int)(number % MostEvents) + 1, number / MostEvents % 2 == 0);
    }

    // FNV-1a over the seed, what it is about, and how often it was before.
    private uint Number(string client, string what, string about)
    {
        const uint prime = 16777619;
        var times = _times.AddOrUpdate((client, what, about), 1, static (_, count) => count + 1);
        var hash = (2166136261 ^ (uint)seed) * prime;
        foreach (var text in (ReadOnlySpan<string>)[client, what, about])
        {
            foreach (var character in text)
                hash = (hash ^ character) * prime;
        }
        hash = (hash ^ (uint)times) * prime;
        // The low bits of the hash follow those of the last input: mix (the finalizer of MurmurHash3).
        hash = (hash ^ (hash >> 16)) * 0x85EB_CA6B;
        hash = (hash ^ (hash >> 13)) * 0xC2B2_AE35;
        return hash ^ (hash >> 16);
    }
}
