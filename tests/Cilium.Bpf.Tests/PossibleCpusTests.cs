using Cilium.Bpf.Native;

namespace Cilium.Bpf.Tests;

public sealed class PossibleCpusTests
{
    [Theory]
    [InlineData("0\n", 1)]
    [InlineData("0-3\n", 4)]
    [InlineData("0-3,8-11\n", 12)]
    [InlineData("0,2,5\n", 6)]
    [InlineData("0-127", 128)]
    public void Programs_see_numbers_below_the_highest_and_one(string list, int expected) => Assert.Equal(expected, PossibleCpus.ParseBound(list));

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("0-")]
    [InlineData("all")]
    [InlineData("-1")]
    [InlineData("3-0")]
    [InlineData("99999999999")]
    public void What_is_no_list_of_CPUs_is_refused(string list) => Assert.Throws<FormatException>(() => PossibleCpus.ParseBound(list));

    [Fact]
    public void The_kernels_list_is_read()
    {
        Assert.InRange(PossibleCpus.ReadBound(), Environment.ProcessorCount, 8192);
        Assert.Equal(PossibleCpus.ReadBound(), BpfEngine.Kernel.Cpus);
    }
}
