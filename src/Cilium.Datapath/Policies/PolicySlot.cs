using Cilium.Bpf;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using EntryKey = Cilium.Datapath.Maps.PolicyKey;

namespace Cilium.Datapath.Policies;

/// <summary>One index of the array of policies with its inner map and what was written into it.</summary>
internal sealed class PolicySlot(uint id, BpfMap<EntryKey, PolicyValue> map, Dictionary<EntryKey, PolicyValue> content)
{
    /// <summary>The index: the policy id in endpoint rows.</summary>
    internal uint Id { get; } = id;

    /// <summary>Endpoints whose rows name the index.</summary>
    internal int References { get; set; }

    /// <summary>Whether the policy row still exists.</summary>
    internal bool IsDesired { get; set; }

    internal Dictionary<EntryKey, PolicyValue> Content { get; private set; } = content;

    /// <summary>
    /// Changes the map by the difference. Where both come together, denies appear before allows and vanish after them, so that no
    /// packet passes that neither the old nor the new policy allows.
    /// </summary>
    internal void Change(Dictionary<EntryKey, PolicyValue> desired)
    {
        var written = desired.Where(entry => !Content.TryGetValue(entry.Key, out var present) || present != entry.Value).ToLookup(e => PolicyContent.IsDeny(e.Value));
        var removed = Content.Where(entry => !desired.ContainsKey(entry.Key)).ToLookup(e => PolicyContent.IsDeny(e.Value), e => e.Key);
        Write(written[true]);
        map.DeleteBatch([.. removed[false]]);
        Write(written[false]);
        map.DeleteBatch([.. removed[true]]);
        Content = desired;
    }

    internal void Close() => map.Dispose();

    private void Write(IEnumerable<KeyValuePair<EntryKey, PolicyValue>> entries)
    {
        var list = entries.ToArray();
        if (list.Length > 0)
            MapFullException.ThrowIfShort(map, list.Select(e => e.Key).ToArray(), list.Select(e => e.Value).ToArray());
    }
}
