using Cilium.Bpf;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using EntryKey = Cilium.Datapath.Maps.PolicyKey;

namespace Cilium.Datapath.Policies;

/// <summary>One index of the array of policies with its inner map and what was written into it.</summary>
internal sealed class PolicySlot(uint id, BpfMap<EntryKey, PolicyValue> map, Dictionary<EntryKey, PolicyValue> content, PolicyCounters counters)
{
    /// <summary>The index: the policy id in endpoint rows.</summary>
    internal uint Id { get; } = id;

    /// <summary>Endpoints whose rows name the index.</summary>
    internal int References { get; set; }

    /// <summary>Whether the policy row still exists.</summary>
    internal bool IsDesired { get; set; }

    internal Dictionary<EntryKey, PolicyValue> Content { get; private set; } = content;

    /// <summary>
    /// Changes the map by the difference, first allows that go, then denies that come, denies that go, and allows that come: after each step no packet
    /// passes that neither the old nor the new policy allows, and what goes has made room for what comes. An entry that stays keeps its counter.
    /// </summary>
    internal void Change(Dictionary<EntryKey, PolicyValue> desired)
    {
        var content = new Dictionary<EntryKey, PolicyValue>(desired.Count);
        var written = new List<KeyValuePair<EntryKey, PolicyValue>>();
        foreach (var (key, value) in desired)
        {
            if (Content.TryGetValue(key, out var present) && PolicyContent.SayTheSame(present, value))
                content[key] = present;
            else
                written.Add(KeyValuePair.Create(key, value));
        }
        var indices = counters.Take(written.Count);
        for (var i = 0; i < indices.Length; i++)
        {
            var (key, value) = written[i];
            written[i] = KeyValuePair.Create(key, content[key] = value with { Counter = indices[i] });
        }
        var removed = Content.Where(entry => !desired.ContainsKey(entry.Key)).ToLookup(e => PolicyContent.IsDeny(e.Value), e => e.Key);
        try
        {
            map.DeleteBatch([.. removed[false]]);
            Write(written.Where(e => PolicyContent.IsDeny(e.Value)));
            map.DeleteBatch([.. removed[true]]);
            Write(written.Where(e => !PolicyContent.IsDeny(e.Value)));
        }
        catch (Exception failure) when (failure is MapFullException or KernelException)
        {
            // Part of it may be written: what is there now is what a later change starts from.
            content = map.ToDictionary();
            ReturnCounters(written, content);
            ReturnCounters(Content, content);
            Content = content;
            throw;
        }
        ReturnCounters(Content, content);
        Content = content;
    }

    internal void Close() => map.Dispose();

    private void ReturnCounters(IEnumerable<KeyValuePair<EntryKey, PolicyValue>> old, Dictionary<EntryKey, PolicyValue> present)
    {
        foreach (var (key, value) in old)
        {
            if (!present.TryGetValue(key, out var kept) || kept.Counter != value.Counter)
                counters.Return(value.Counter);
        }
    }

    private void Write(IEnumerable<KeyValuePair<EntryKey, PolicyValue>> entries)
    {
        var list = entries.ToArray();
        if (list.Length > 0)
            MapFullException.ThrowIfShort(map, list.Select(e => e.Key).ToArray(), list.Select(e => e.Value).ToArray());
    }
}
