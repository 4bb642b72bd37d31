using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Cilium.DatapathTests;

/// <summary>Random cases for engines that must agree. CILIUM_DIFFERENTIAL_CASES asks for more of them, from a new seed.</summary>
internal static class Differential
{
    private const string Variable = "CILIUM_DIFFERENTIAL_CASES";

    /// <summary>Checks cases of so many numbers each.</summary>
    internal static void Check(int cases, int numbers, Action<Choices> check)
    {
        var config = Config.QuickThrowOnFailure.WithQuietOnSuccess(true);
        config = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } wanted
            ? config.WithMaxTest(int.Parse(wanted, CultureInfo.InvariantCulture))
            : config.WithMaxTest(cases).WithReplay(FSharpOption<Replay>.Some(new Replay(new Rnd(4711, 4713), FSharpOption<int>.None)));
        var arbitrary = Arb.From(Gen.ArrayOf(Gen.Choose(0, int.MaxValue), numbers));
        FsCheck.Check.One(config, Prop.ForAll(arbitrary, numbers => check(new Choices(numbers))));
    }
}

/// <summary>A case as a row of numbers, from which a test takes one choice after another.</summary>
internal sealed class Choices(int[] numbers)
{
    private int _taken;

    /// <summary>A number below <paramref name="end"/>.</summary>
    internal int Below(int end) => (int)((uint)Next() % (uint)end);

    internal bool OneIn(int count) => Below(count) == 0;

    internal T Of<T>(params ReadOnlySpan<T> values) => values[Below(values.Length)];

    internal uint Word() => (uint)Next() ^ ((uint)Next() << 16);

    internal byte Byte() => (byte)Below(256);

    // When the row is used up it begins again with other numbers, so that a case may take as many as it likes.
    private int Next()
    {
        var number = numbers[_taken % numbers.Length] ^ (int)((uint)(_taken / numbers.Length) * 0x9E3779B1u);
        _taken++;
        return number & int.MaxValue;
    }
}
