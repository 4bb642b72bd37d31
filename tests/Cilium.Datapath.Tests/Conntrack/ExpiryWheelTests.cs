using Cilium.Datapath.Conntrack;
using FsCheck.Xunit;

namespace Cilium.Datapath.Tests.Conntrack;

public sealed class ExpiryWheelTests
{
    [Property]
    public void Every_key_comes_once_at_its_second_or_the_next_turn(ushort[] delays, byte step)
    {
        const uint start = 5000;
        var wheel = new ExpiryWheel<int>(start);
        for (var i = 0; i < delays.Length; i++)
            wheel.Add(i, start + (delays[i] % 16000u));
        var seen = new Dictionary<int, uint>();
        for (var now = start; wheel.Count > 0; now += Math.Max(step, (byte)1))
            wheel.Turn(now, key => seen.Add(key, now));
        Assert.Equal(delays.Length, seen.Count);
        Assert.All(seen, entry =>
        {
            var due = Math.Max(start + (delays[entry.Key] % 16000u), start + 1);
            Assert.InRange(entry.Value, due, due + Math.Max(step, (byte)1));
        });
    }

    [Fact]
    public void A_cleared_wheel_is_empty_and_goes_on_from_its_second()
    {
        var wheel = new ExpiryWheel<string>(10);
        wheel.Add("a", 11);
        wheel.Add("b", 500);
        wheel.Turn(10, _ => Assert.Fail("too early"));
        wheel.Clear();
        Assert.Equal(0, wheel.Count);
        wheel.Add("c", 12);
        var seen = new List<string>();
        wheel.Turn(600, seen.Add);
        Assert.Equal(["c"], seen);
    }

    [Fact]
    public void A_key_filed_again_while_turning_comes_again()
    {
        var wheel = new ExpiryWheel<string>(10);
        wheel.Add("a", 11);
        var times = 0;
        wheel.Turn(11, key =>
        {
            times++;
            wheel.Add(key, 13);
        });
        wheel.Turn(12, _ => times++);
        wheel.Turn(13, _ => times++);
        Assert.Equal((2, 0), (times, wheel.Count));
    }

    [Fact]
    public void After_a_long_pause_everything_due_comes()
    {
        var wheel = new ExpiryWheel<int>(0);
        for (var i = 1; i < 10000; i += 7)
            wheel.Add(i, (uint)i);
        var count = 0;
        wheel.Turn(1_000_000, _ => count++);
        Assert.Equal((1429, 0), (count, wheel.Count));
    }
}
