using Cilium.Lab.Nodes;

namespace Cilium.Lab.Tests;

public sealed class PodSandboxTests
{
    [Theory]
    [InlineData(63, "", 63)]
    [InlineData(200, "", 63)]
    [InlineData(61, "-.web", 61)]
    public void A_host_name_is_cut_to_63_characters_and_ends_with_a_letter_or_digit(int letters, string rest, int length) =>
        Assert.Equal(new string('a', length), PodSandbox.Shortened(new string('a', letters) + rest));
}
