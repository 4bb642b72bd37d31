using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Conntrack;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.Tests.Conntrack;

public sealed class ExpiringMapTests : IDisposable
{
    private const uint Start = 5000;
    private static readonly CtTuple s_key = default(CtTuple) with { Protocol = 6, LowPort = NetPort.From(80) };

    private readonly BpfMap _map = BpfMap.Create("ct", new MapShape(MapType.Hash, 40, 88, 64, MapFlags.None), new InProcessEngine());
    private readonly BpfMap<CtTuple, CtEntry> _entries;
    private readonly ExpiringMap<CtTuple, CtEntry> _expiring;

    public ExpiringMapTests()
    {
        _entries = _map.As<CtTuple, CtEntry>();
        _expiring = new ExpiringMap<CtTuple, CtEntry>(_entries, static entry => (entry.Created, entry.Lifetime), Start);
    }

    [Fact]
    public void What_is_shortened_after_it_was_seen_alive_goes_within_two_minutes()
    {
        Write(Start, Start + 8000);
        _expiring.Add(s_key, Start, Start + 60);
        Turn(Start, Start + 90);
        Write(Start, Start + 150);
        Turn(Start + 91, Start + 149);
        Assert.True(_entries.TryLookup(s_key, out _));
        Turn(Start + 150, Start + 270);
        Assert.False(_entries.TryLookup(s_key, out _));
        Assert.Equal(0, _expiring.Count);
    }

    [Fact]
    public void What_was_there_at_the_start_and_is_shortened_goes_within_two_minutes()
    {
        Write(Start - 10, Start + 8000);
        _expiring.Scan(Start);
        Write(Start - 10, Start + 10);
        Turn(Start, Start + 130);
        Assert.False(_entries.TryLookup(s_key, out _));
    }

    [Fact]
    public void A_key_that_is_used_again_while_it_lives_is_filed_once()
    {
        const uint times = 1000;
        for (var i = 0u; i < times; i++)
        {
            Write(Start + i, Start + i + 8000);
            _expiring.Add(s_key, Start + i, Start + i + 60);
            _expiring.Collect(Start + i);
        }
        Turn(Start + times, Start + times + 60);
        Assert.Equal(1, _expiring.Count);
        Write(Start + times - 1, Start + times + 100);
        Turn(Start + times + 61, Start + times + 220);
        Assert.Equal((0, false), (_expiring.Count, _entries.TryLookup(s_key, out _)));
    }

    [Theory, InlineData(Start), InlineData(0u)]
    public void What_lives_on_is_looked_at_until_it_expires(uint created)
    {
        Write(Start, Start + 60);
        _expiring.Add(s_key, created, Start + 60);
        for (var second = Start; second < Start + 1000; second++)
        {
            Write(Start, second + 60);
            _expiring.Collect(second);
            Assert.Equal(1, _expiring.Count);
        }
        Turn(Start + 1000, Start + 1180);
        Assert.Equal((0, false), (_expiring.Count, _entries.TryLookup(s_key, out _)));
    }

    public void Dispose() => _map.Dispose();

    private void Write(uint created, uint lifetime) => _entries.Update(s_key, default(CtEntry) with { Created = created, Lifetime = lifetime });

    private void Turn(uint from, uint to)
    {
        for (var second = from; second <= to; second++)
            _expiring.Collect(second);
    }
}
