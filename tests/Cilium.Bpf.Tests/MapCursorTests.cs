using Cilium.Bpf.Native;

namespace Cilium.Bpf.Tests;

public sealed class MapCursorTests
{
    private const int Entries = 150_000;

    [Fact]
    public void A_walk_that_is_thrown_back_far_from_its_beginning_comes_to_its_end()
    {
        using var map = new BpfMap(new RestartingMap(Entries)).As<uint, uint>();
        var cursor = map.Read(4096);
        var seen = new HashSet<uint>();
        while (cursor.Next(out var keys, out _))
        {
            foreach (var key in keys) Assert.True(seen.Add(key), $"key {key} came twice");
            if (seen.Count == 20 * 4096) Assert.Equal(MapStatus.Ok, map.Delete(keys[^1]));
        }

        Assert.Equal(Entries, seen.Count);
    }

    [Fact]
    public void A_walk_that_is_thrown_back_in_every_round_ends()
    {
        using var map = new BpfMap(new RestartingMap(Entries) { IsRestless = true }).As<uint, uint>();
        var cursor = map.Read(4096);
        var seen = 0;
        while (cursor.Next(out var keys, out _)) seen += keys.Length;

        Assert.Equal(4096, seen);
    }

    /// <summary>A map that is followed by key and begins anew when that key is gone, as the kernel's tries do.</summary>
    private sealed unsafe class RestartingMap(int entries) : MapBackend
    {
        private readonly bool[] _isGone = new bool[entries];

        /// <summary>Whether somebody always deletes the key.</summary>
        public bool IsRestless { get; init; }

        internal override string Name => "restarting";

        internal override uint Id => 1;

        internal override MapShape Shape => new(MapType.LpmTrie, 4, 4, (uint)entries, MapFlags.NoPreallocation);

        internal override int Cpus => 1;

        internal override BpfFd Fd => throw new InvalidOperationException();

        internal override uint Reference => 1;

        internal override int LookupBatch(void* from, void* to, void* keys, void* values, uint* count)
        {
            var next = from == null || IsRestless || _isGone[*(uint*)from] ? 0 : *(uint*)from + 1;
            var copied = 0u;
            for (; copied < *count && next < entries; next++)
            {
                if (_isGone[next]) continue;
                ((uint*)keys)[copied] = ((uint*)values)[copied] = next;
                copied++;
                *(uint*)to = next;
            }

            *count = copied;
            return next < entries ? 0 : -Errno.NoEntry;
        }

        internal override int Delete(void* key)
        {
            _isGone[*(uint*)key] = true;
            return 0;
        }

        internal override int Lookup(void* key, void* value) => throw new NotSupportedException();

        internal override int Update(void* key, void* value, ulong flags) => throw new NotSupportedException();

        internal override int LookupAndDelete(void* key, void* value) => throw new NotSupportedException();

        internal override int NextKey(void* key, void* next) => throw new NotSupportedException();

        internal override int UpdateBatch(void* keys, void* values, uint* count, ulong flags) => throw new NotSupportedException();

        internal override int DeleteBatch(void* keys, uint* count) => throw new NotSupportedException();

        internal override MapBackend Duplicate() => throw new NotSupportedException();

        internal override MapBackend? OpenByIdOrNull(uint id) => throw new NotSupportedException();

        internal override RingMemory OpenRing() => throw new NotSupportedException();

        public override void Dispose()
        {
        }
    }
}
