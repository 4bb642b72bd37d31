// A typed map without an object file: batches, expected outcomes as results, and a walk. Needs root.
using System.Runtime.InteropServices;
using Cilium.Bpf;

using var sessions = BpfMap
    .Create("sessions", new MapShape(MapType.Hash, KeyBytes: 8, ValueBytes: 8, MaxEntries: 10_000))
    .As<SessionKey, SessionValue>();

var keys = Enumerable.Range(0, 5_000).Select(i => new SessionKey((uint)i, 443)).ToArray();
var values = keys.Select(key => new SessionValue(key.Client * 10)).ToArray();
var batch = sessions.UpdateBatch(keys, values);
Console.WriteLine($"written {batch.Done}: {batch.Status}");

// Absent and full are results, not exceptions.
Console.WriteLine($"found {sessions.TryLookup(new SessionKey(7, 443), out var seven)}: {seven.Bytes}");
Console.WriteLine($"deleting an absent key: {sessions.Delete(new SessionKey(7, 80))}");

var total = 0UL;
var cursor = sessions.Read();
while (cursor.Next(out _, out var seen))
{
    foreach (var value in seen)
    {
        total += value.Bytes;
    }
}

Console.WriteLine($"bytes in all sessions: {total}");

[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly record struct SessionKey(uint Client, uint Port);

[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly record struct SessionValue(ulong Bytes);
