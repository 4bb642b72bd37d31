namespace Cilium.Core.Tests.Collections;

public sealed class EquatableArrayTests
{
    [Fact]
    public void The_default_value_is_an_array_without_elements()
    {
        EquatableArray<int> none = default;
        Assert.Empty(none);
        Assert.Equal(EquatableArray<int>.Empty, EquatableArray.Create<int>([]));
        Assert.Throws<IndexOutOfRangeException>(() => none[0]);
        Assert.Throws<IndexOutOfRangeException>(() => EquatableArray.Create<int>([])[0]);
    }

    [Fact]
    public void Elements_are_read_by_index()
    {
        EquatableArray<string> array = ["a", "b"];
        Assert.Equal(("a", "b"), (array[0], array[1]));
        Assert.Throws<IndexOutOfRangeException>(() => array[2]);
    }
}
